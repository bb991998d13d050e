"""Text in, calibrated probabilities out.

A text is what the caller wants judged, for a news item "title. lead"; only its first `max_tokens` tokens are read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from tokenizers import Tokenizer

from model.artefact import COMMITTED, ONNX_INT8, TOKENIZER, Manifest, read_manifest
from model.engines import Engine, FloatArray, IntArray, OnnxEngine, TorchEngine
from model.errors import ArtefactError
from model.labels import SENTIMENTS, TOPICS, Sentiment

MAX_TOPICS: Final = 3
# No piece of the vocabulary spans more than 16 characters, so what lies beyond cannot be among the tokens kept.
CHARACTERS_PER_TOKEN: Final = 16


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text as token ids, begin and end marks included, never empty, at most the model's `max_tokens`."""

    ids: list[int]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says about one text.

    `negative`, `neutral` and `positive` are probabilities that sum to 1. `topics` holds at most three topic ids (see
    `model/labels.py`) whose probability passes that topic's own threshold, by falling probability, and may be empty;
    `topic_scores` holds their probabilities, in the same order.
    """

    negative: float
    neutral: float
    positive: float
    topics: tuple[str, ...]
    topic_scores: tuple[float, ...]

    @property
    def label(self) -> Sentiment:
        """The likeliest sentiment."""
        return max(SENTIMENTS, key=lambda name: float(getattr(self, name)))

    @property
    def score(self) -> float:
        """Positive minus negative, from -1 (surely bad) to 1 (surely good)."""
        return self.positive - self.negative


class Classifier:
    """A loaded model. Safe to use from several threads; every call is a pure function of its arguments."""

    def __init__(self, manifest: Manifest, tokenizer: Tokenizer, engine: Engine) -> None:
        self.manifest = manifest
        self.version = manifest.model_version
        self.engine_name = engine.name
        self._engine = engine
        self._tokenizer = tokenizer
        self._thresholds = np.array(
            [limit if label.shown else 2.0 for limit, label in zip(manifest.thresholds, TOPICS, strict=True)]
        )

    @classmethod
    def load(
        cls, folder: Path | None = None, *, engine: Literal["auto", "onnx", "torch"] = "auto", threads: int = 0
    ) -> "Classifier":
        """Load a weights folder after checking every file in it against the manifest.

        Args:
            folder: a weights folder; None means the one committed with this package. For the torch engine, a folder
                that also holds a training checkpoint.
            engine: 'onnx' runs the int8 model, 'torch' the fp32 checkpoint; 'auto' is 'onnx'.
            threads: threads inside one forward pass; 0 leaves it to the engine.

        Raises:
            ArtefactError: the folder is absent, incomplete or altered.
            EngineError: the engine's library is not installed.
        """
        folder = folder or COMMITTED
        manifest = read_manifest(folder)
        try:
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        except Exception as error:  # tokenizers raises plain Exception
            raise ArtefactError(f"{folder / TOKENIZER} is not a readable tokenizer: {error}") from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(manifest.max_tokens)
        runner: Engine
        if engine == "torch":
            runner = TorchEngine(folder, threads=threads)
        else:
            runner = OnnxEngine(folder / ONNX_INT8, threads=threads)
        return cls(manifest, tokenizer, runner)

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """Turn texts into tokens, in order; any string has an answer, the empty one too."""
        limit = self.manifest.max_tokens * CHARACTERS_PER_TOKEN
        readable = [_readable(text, limit) for text in texts]
        return [Tokens(encoding.ids) for encoding in self._tokenizer.encode_batch(readable)]

    def logits(self, batch: Sequence[Tokens]) -> tuple[FloatArray, FloatArray]:
        """One forward pass, padded to the longest: (documents, 3) and (documents, topics) raw logits, float32."""
        ids, mask = _pad(batch, self.manifest.pad_id)
        return self._engine.logits(ids, mask)

    def predict_tokens(self, batch: Sequence[Tokens]) -> list[Prediction]:
        """Judge a batch in one forward pass, padded to its longest text; an empty batch gives an empty list."""
        if not batch:
            return []
        sentiment, topics = self.logits(batch)
        return self.judge(sentiment, topics)

    def judge(self, sentiment: FloatArray, topics: FloatArray) -> list[Prediction]:
        """Turn logits, (documents, 3) and (documents, topics), into calibrated predictions."""
        scaled = sentiment.astype(np.float64) / self.manifest.temperature
        exponents = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        probabilities = exponents / exponents.sum(axis=1, keepdims=True)
        scores = 1.0 / (1.0 + np.exp(-topics.astype(np.float64)))
        return [self._prediction(three, row) for three, row in zip(probabilities, scores, strict=True)]

    def _prediction(self, three: np.ndarray, scores: np.ndarray) -> Prediction:
        passed = np.flatnonzero(scores >= self._thresholds)
        best = passed[np.argsort(-scores[passed], kind="stable")][:MAX_TOPICS]
        return Prediction(
            negative=float(three[0]),
            neutral=float(three[1]),
            positive=float(three[2]),
            topics=tuple(TOPICS[place].id for place in best),
            topic_scores=tuple(float(scores[place]) for place in best),
        )

    def predict(self, texts: Sequence[str], *, token_budget: int = 4096) -> list[Prediction]:
        """Judge any number of texts and answer in their order.

        Texts are sorted by length and packed so that no forward pass holds more than `token_budget` tokens, padding
        included (a single text may exceed it). How texts are packed does not change an answer beyond rounding (1e-5).
        """
        tokens = self.encode(texts)
        answers: list[Prediction | None] = [None] * len(tokens)
        for places in pack([len(item) for item in tokens], token_budget):
            for place, answer in zip(places, self.predict_tokens([tokens[i] for i in places]), strict=True):
                answers[place] = answer
        return [answer for answer in answers if answer is not None]


def pack(lengths: Sequence[int], token_budget: int) -> Iterator[list[int]]:
    """Group places of texts by length so that each group, padded to its longest, stays within the budget."""
    group: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and lengths[place] * (len(group) + 1) > token_budget:
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def _readable(text: str, limit: int) -> str:
    # Runs of white space would use up the limit; lone surrogates, which JSON can smuggle in, have no UTF-8 form.
    head = " ".join(text[: 4 * limit].split())[:limit]
    return head.encode("utf-8", "replace").decode("utf-8")


def _pad(batch: Sequence[Tokens], pad_id: int) -> tuple[IntArray, IntArray]:
    longest = max(len(item) for item in batch)
    ids = np.full((len(batch), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(batch), longest), dtype=np.int64)
    for row, item in enumerate(batch):
        ids[row, : len(item)] = item.ids
        mask[row, : len(item)] = 1
    return ids, mask
