"""Text in, calibrated probabilities out.

A text is what the caller wants judged, for a news item "title. lead"; only its first `max_tokens` tokens are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from scipy.special import expit, softmax  # type: ignore[import-untyped]
from tokenizers import Tokenizer

from model.artefact import COMMITTED, ONNX_INT8, TOKENIZER, EncoderPart, Manifest, read_manifest
from model.characters import simplified
from model.engines import Engine, FloatArray, IntArray, OnnxEngine, TorchEngine
from model.errors import ArtefactError
from model.labels import SENTIMENTS, TOPIC_IDS, TOPICS, Sentiment
from model.routing import language_of

MAX_TOPICS: Final = 3
ENTITY_CHARACTERS: Final = 100
# No piece of a vocabulary spans more than 20 characters, so what lies beyond cannot be among the tokens kept.
CHARACTERS_PER_TOKEN: Final = 20


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text as token ids for one encoder, begin and end marks included, never empty, at most its `max_tokens`."""

    ids: list[int]
    encoder: str = ""

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


@dataclass(frozen=True, slots=True)
class Reader:
    """One encoder ready to read: how its text is cut, and what runs it."""

    part: EncoderPart
    tokenizer: Tokenizer
    engine: Engine

    def encode(self, texts: Sequence[str | tuple[str, str]], name: str) -> list[Tokens]:
        """Cut texts, or pairs of an entity and a text."""
        return [Tokens(encoding.ids, name) for encoding in self.tokenizer.encode_batch(list(texts))]

    def logits(self, batch: Sequence[Tokens]) -> tuple[FloatArray, FloatArray]:
        """One forward pass, padded to the longest."""
        return self.engine.logits(*_pad(batch, self.part.pad_id))


class Classifier:
    """A loaded model. Safe to use from several threads; every call is a pure function of its arguments."""

    def __init__(self, manifest: Manifest, readers: Mapping[str, Reader]) -> None:
        self.manifest = manifest
        self.version = manifest.model_version
        self.engine_name = next(iter(readers.values())).engine.name
        self._readers = readers
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
        readers = {
            name: Reader(part, _tokenizer(folder / name / TOKENIZER, part), _engine(folder / name, engine, threads))
            for name, part in manifest.encoders.items()
        }
        return cls(manifest, readers)

    def encode(self, texts: Sequence[str], *, toward: Sequence[str | None] | None = None) -> list[Tokens]:
        """Turn texts into tokens, in order; any string has an answer, the empty one too.

        Args:
            texts: any strings.
            toward: for each text the name of the entity that is asked about, None for the text as a whole.
        """
        asked = toward or [None] * len(texts)
        tokens: list[Tokens] = [Tokens([])] * len(texts)
        routes = [self.manifest.routes[language_of(text)] for text in texts]
        for name, reader in self._readers.items():
            limit = reader.part.max_tokens * CHARACTERS_PER_TOKEN
            places = [place for place, route in enumerate(routes) if route == name]
            inputs = [_input(texts[place], asked[place], limit) for place in places]
            for place, cut in zip(places, reader.encode(inputs, name), strict=True):
                tokens[place] = cut
        return tokens

    def logits(self, batch: Sequence[Tokens]) -> tuple[FloatArray, FloatArray]:
        """Run a batch: (documents, 3) and (documents, topics) logits, float32.

        One forward pass for each encoder that the batch has tokens of, padded to the longest of them.
        """
        sentiment = np.empty((len(batch), len(SENTIMENTS)), dtype=np.float32)
        topics = np.empty((len(batch), len(TOPIC_IDS)), dtype=np.float32)
        for name, reader in self._readers.items():
            places = [place for place, tokens in enumerate(batch) if tokens.encoder == name]
            if places:
                sentiment[places], topics[places] = reader.logits([batch[place] for place in places])
        return sentiment, topics

    def predict_tokens(self, batch: Sequence[Tokens]) -> list[Prediction]:
        """Judge a batch, one forward pass for each encoder; an empty batch gives an empty list."""
        if not batch:
            return []
        sentiment, topics = self.logits(batch)
        return self.judge(sentiment, topics)

    def judge(self, sentiment: FloatArray, topics: FloatArray) -> list[Prediction]:
        """Turn logits, (documents, 3) and (documents, topics), into calibrated predictions."""
        probabilities, scores = softmax(sentiment.astype(np.float64), axis=1), expit(topics.astype(np.float64))
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

    def predict(
        self, texts: Sequence[str], *, toward: Sequence[str | None] | None = None, token_budget: int = 4096
    ) -> list[Prediction]:
        """Judge any number of texts and answer in their order.

        Texts are sorted by length and packed so that no forward pass holds more than `token_budget` tokens, padding
        included (a single text may exceed it). How texts are packed does not change an answer beyond rounding (1e-5).

        Args:
            texts: any strings.
            toward: for each text the name of the entity that the sentiment is to be about, None for the whole text.
            token_budget: see above.
        """
        if not texts:
            return []
        return self.judge(*self.all_logits(self.encode(texts, toward=toward), token_budget=token_budget))

    def all_logits(self, tokens: Sequence[Tokens], *, token_budget: int = 4096) -> tuple[FloatArray, FloatArray]:
        """Run any number of texts, packed by encoder and length: what `logits` returns, in the order of texts."""
        sentiment = np.empty((len(tokens), len(SENTIMENTS)), dtype=np.float32)
        topics = np.empty((len(tokens), len(TOPIC_IDS)), dtype=np.float32)
        for name in self._readers:
            mine = [place for place, item in enumerate(tokens) if item.encoder == name]
            for packed in pack([len(tokens[place]) for place in mine], token_budget):
                places = [mine[at] for at in packed]
                sentiment[places], topics[places] = self.logits([tokens[place] for place in places])
        return sentiment, topics


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


def _tokenizer(path: Path, part: EncoderPart) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exception
        raise ArtefactError(f"{path} is not a readable tokenizer: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(part.max_tokens)
    return tokenizer


def _engine(folder: Path, engine: str, threads: int) -> Engine:
    if engine == "torch":
        return TorchEngine(folder, threads=threads)
    return OnnxEngine(folder / ONNX_INT8, threads=threads)


def _input(text: str, entity: str | None, limit: int) -> str | tuple[str, str]:
    readable = _readable(text, limit)
    return readable if entity is None else (_readable(entity, ENTITY_CHARACTERS), readable)


def _readable(text: str, limit: int) -> str:
    # Runs of white space would use up the limit; lone surrogates, which JSON can smuggle in, have no UTF-8 form.
    head = " ".join(text[: 4 * limit].split())[:limit]
    return simplified(head.encode("utf-8", "replace").decode("utf-8"))


def _pad(batch: Sequence[Tokens], pad_id: int) -> tuple[IntArray, IntArray]:
    longest = max(len(item) for item in batch)
    ids = np.full((len(batch), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(batch), longest), dtype=np.int64)
    for row, item in enumerate(batch):
        ids[row, : len(item)] = item.ids
        mask[row, : len(item)] = 1
    return ids, mask
