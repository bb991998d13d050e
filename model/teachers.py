"""Models as teachers: whatever the folder holds, a text goes in and raw logits come out.

A teacher may be larger than what is ever deployed, or the weights of an earlier version.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import torch
from tokenizers import Tokenizer

from model.artefact import MANIFEST, TOKENIZER, sha256
from model.characters import question
from model.classifier import Classifier, pack
from model.engines import FloatArray
from model.errors import ConfigError
from model.labels import SENTIMENTS, TOPIC_IDS
from model.learner import chosen_device, lowered, ready
from model.network import NETWORK, load_network
from model.padding import padding
from model.techniques import Precision

Question = tuple[str, str | None]  # a text, and the entity that is asked about or None
TOKENS: Final = 4096  # of one forward pass, padding included
ENSEMBLE: Final = "ensemble.json"


class Teacher(Protocol):
    """Answers questions; `key` changes with its weights."""

    @property
    def key(self) -> str:
        """A name for files."""
        ...

    def logits(self, questions: Sequence[Question]) -> tuple[FloatArray, FloatArray]:
        """Answer: (questions, 3) and (questions, topics) float32."""
        ...


def load_teacher(folder: Path, *, max_tokens: int, precision: Precision = "fp32") -> Teacher:
    """Load what a folder holds: a finished model, the one encoder that a build has trained there, or an ensemble.

    Args:
        folder: with a manifest, with `network.pt` and `tokenizer.json`, or as `yuqing ensemble --teacher` writes it.
        max_tokens: read of a text by an encoder without a manifest.
        precision: of the forward passes of such an encoder.

    Raises:
        ConfigError: the folder holds none of them.
        ArtefactError: what it holds is damaged.
    """
    if (folder / MANIFEST).is_file():
        return FinishedTeacher(folder)
    if (folder / NETWORK).is_file() and (folder / TOKENIZER).is_file():
        return NetworkTeacher(folder, max_tokens=max_tokens, precision=precision)
    if (folder / ENSEMBLE).is_file():
        from model.ensemble_teacher import EnsembleTeacher  # which has teachers of its own

        return EnsembleTeacher(folder, precision=precision)
    raise ConfigError(
        f"{folder} is no teacher: it holds neither {MANIFEST}, nor {NETWORK} with {TOKENIZER}, nor {ENSEMBLE}"
    )


class FinishedTeacher:
    """A weights folder, or a finished build folder, which answers in fp32."""

    def __init__(self, folder: Path) -> None:
        whole = bool(list(folder.glob(f"*/{NETWORK}")))
        self._classifier = Classifier.load(folder, engine="torch" if whole else "onnx")
        self.key = f"{self._classifier.version}-{'fp32' if whole else 'int8'}"

    def logits(self, questions: Sequence[Question]) -> tuple[FloatArray, FloatArray]:
        """See `Teacher.logits`."""
        tokens = self._classifier.encode([text for text, _ in questions], toward=[entity for _, entity in questions])
        return self._classifier.all_logits(tokens, token_budget=TOKENS)


class NetworkTeacher:
    """One trained encoder of any base, on a GPU where there is one."""

    def __init__(self, folder: Path, *, max_tokens: int, precision: Precision = "fp32") -> None:
        self.key = f"network-{sha256(folder / NETWORK)[:16]}-{max_tokens}-{precision}"
        self._device, self._precision = chosen_device("auto"), precision
        self._network = ready(load_network(folder).eval(), self._device, precision)
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self._pad = padding(self._tokenizer)

    def logits(self, questions: Sequence[Question]) -> tuple[FloatArray, FloatArray]:
        """See `Teacher.logits`."""
        inputs = [question(text, entity) for text, entity in questions]
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(inputs)]
        sentiment = np.empty((len(ids), len(SENTIMENTS)), dtype=np.float32)
        topics = np.empty((len(ids), len(TOPIC_IDS)), dtype=np.float32)
        for places in pack([len(one) for one in ids], TOKENS):
            sentiment[places], topics[places] = self._forward([ids[place] for place in places])
        return sentiment, topics

    def _forward(self, rows: Sequence[list[int]]) -> tuple[FloatArray, FloatArray]:
        longest = max(map(len, rows))
        ids = torch.tensor([[*row, *[self._pad] * (longest - len(row))] for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        with torch.inference_mode(), lowered(self._device, self._precision):
            sentiment, topics, _ = self._network(ids.to(self._device), mask.to(self._device))
        return sentiment.float().cpu().numpy(), topics.float().cpu().numpy()
