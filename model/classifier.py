"""Text in, calibrated probabilities out.

A text is what the caller wants judged, for a news item "title. lead"; only its first `max_tokens` tokens are read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from scipy.special import expit, softmax  # type: ignore[import-untyped]

from model.artefact import COMMITTED, Manifest, read_manifest
from model.engine_choice import CPU_TOKENS, EngineName, choose_engine, load_engine
from model.engine_events import OnEvent, log_event
from model.engines import FloatArray
from model.errors import ArtefactError
from model.fallback import DeviceWatch
from model.labels import SENTIMENTS, TOPIC_IDS, TOPICS, Sentiment
from model.reader import Reader, Tokens
from model.routing import language_of

__all__ = ["MAX_TOPICS", "TOKEN_BUDGET", "Classifier", "Prediction", "Tokens", "pack"]

MAX_TOPICS: Final = 3
TOKEN_BUDGET: Final = CPU_TOKENS

R = TypeVar("R")


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
    """A loaded model. Safe to use from several threads; every call is a pure function of its arguments.

    `passes` is how many forward passes are best run side by side: on a CPU one for each core, each in a single thread,
    which wastes no time on threads that wait for each other inside every product. See decision 0015. `token_budget` is
    how many tokens, padding included, are best in one of them.
    """

    def __init__(
        self, manifest: Manifest, readers: Mapping[str, Reader], *, passes: int = 1, token_budget: int = TOKEN_BUDGET
    ) -> None:
        self.passes = passes
        self.token_budget = token_budget
        self._pool = ThreadPoolExecutor(passes, thread_name_prefix="pass")
        self.manifest = manifest
        self.version = manifest.model_version
        self._readers = readers
        self._thresholds = np.array(
            [limit if label.shown else 2.0 for limit, label in zip(manifest.thresholds, TOPICS, strict=True)]
        )

    @classmethod
    def load(
        cls,
        folder: Path | None = None,
        *,
        engine: EngineName = "auto",
        threads: int = 0,
        wide: bool = True,
        on_event: OnEvent = log_event,
    ) -> "Classifier":
        """Load a weights folder after checking every file in it against the manifest.

        Args:
            folder: a weights folder; None means the one committed with this package.
            engine: 'onnx' runs the int8 model on the CPU, 'cuda' the same on a GPU, 'torch' the checkpoint of training
                where the folder has one; 'auto' takes the GPU where there is one: see `model/engine_choice.py`.
            threads: processor cores to use, 0 for all: the 'onnx' engine runs so many forward passes side by side,
                'torch' one pass with so many threads inside.
            wide: whether n-grams beside the encoders have a say, where there are any.
            on_event: told when a GPU's memory runs out and when the GPU is lost, which changes no answer; from the
                thread that asked.

        Raises:
            ArtefactError: the folder is absent, incomplete or altered.
            EngineError: the engine's library is not installed, or there is no GPU for it.
        """
        folder = folder or COMMITTED
        manifest = read_manifest(folder)
        choice, watch = choose_engine(engine, cores=threads), DeviceWatch(on_event)
        readers = {
            name: Reader.load(folder / name, part, load_engine(folder / name, choice, watch), wide=wide)
            for name, part in manifest.encoders.items()
        }
        return cls(manifest, readers, passes=choice.passes, token_budget=choice.token_budget)

    @property
    def engine_name(self) -> str:
        """What runs now: another after a GPU was lost."""
        return next(iter(self._readers.values())).engine.name

    def encode(self, texts: Sequence[str], *, toward: Sequence[str | None] | None = None) -> list[Tokens]:
        """Turn texts into tokens, in order; any string has an answer, the empty one too.

        Args:
            texts: any strings.
            toward: for each text the name of the entity that is asked about, None for the text as a whole.
        """
        asked = toward or [None] * len(texts)
        tokens: list[Tokens] = [Tokens([])] * len(texts)
        routes = [self.encoder_of(text) for text in texts]
        for name, reader in self._readers.items():
            places = [place for place, route in enumerate(routes) if route == name]
            cut = reader.encode([texts[place] for place in places], [asked[place] for place in places])
            for place, one in zip(places, cut, strict=True):
                tokens[place] = one
        return tokens

    def encoder_of(self, text: str) -> str:
        """The name of the encoder that reads a text, the same as on its tokens; the text's language decides."""
        return self.manifest.routes[language_of(text)]

    def reader(self, encoder: str) -> Reader:
        """What reads for an encoder of `manifest.encoders`."""
        return self._readers[encoder]

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
        rows, places = np.nonzero(scores >= self._thresholds)
        passed = scores[rows, places]
        order = np.lexsort((-passed, rows))  # stable: equal scores stay in the order of the taxonomy
        ends = np.searchsorted(rows, np.arange(len(scores)), side="right").tolist()
        ids = [TOPIC_IDS[place] for place in places[order].tolist()]
        told = passed[order].tolist()
        answers = []
        start = 0
        for (negative, neutral, positive), end in zip(probabilities.tolist(), ends, strict=True):
            shown = slice(start, min(end, start + MAX_TOPICS))
            answers.append(Prediction(negative, neutral, positive, tuple(ids[shown]), tuple(told[shown])))
            start = end
        return answers

    def predict(
        self, texts: Sequence[str], *, toward: Sequence[str | None] | None = None, token_budget: int | None = None
    ) -> list[Prediction]:
        """Judge any number of texts and answer in their order.

        Texts are sorted by length and packed so that no forward pass holds more than `token_budget` tokens, padding
        included (a single text may exceed it). How texts are packed does not change an answer beyond rounding (1e-5).

        Args:
            texts: any strings.
            toward: for each text the name of the entity that the sentiment is to be about, None for the whole text.
            token_budget: see above; None is what suits the engine.
        """
        if not texts:
            return []
        return self.judge(*self.all_logits(self.encode(texts, toward=toward), token_budget=token_budget))

    def all_logits(self, tokens: Sequence[Tokens], *, token_budget: int | None = None) -> tuple[FloatArray, FloatArray]:
        """Run any number of texts, packed by encoder and length: what `logits` returns, in the order of texts."""
        sentiment = np.empty((len(tokens), len(SENTIMENTS)), dtype=np.float32)
        topics = np.empty((len(tokens), len(TOPIC_IDS)), dtype=np.float32)
        for places, found in self._side_by_side(Reader.logits, tokens, token_budget):
            sentiment[places], topics[places] = found
        return sentiment, topics

    @property
    def embedding_width(self) -> int | None:
        """How many numbers a row of `embed` has; None where the model, exported before there were any, gives none."""
        widths = [reader.engine.embedding_width for reader in self._readers.values()]
        known = [width for width in widths if width is not None]
        return max(known) if len(known) == len(widths) else None

    def embed(self, texts: Sequence[str], *, token_budget: int | None = None) -> FloatArray:
        """Turn texts into vectors: the cosine of two, which is their product, says how alike the model finds two texts.

        Each encoder has a space of its own. Only texts with the same `encoder_of`, embedded by the same `version`, can
        be compared: the product of other rows says nothing, so whoever keeps rows must keep both names with them. A row
        of an encoder narrower than the widest ends in zeros, which changes no product.

        Args:
            texts: any strings.
            token_budget: as for `predict`.

        Returns:
            (texts, embedding_width) float32, in the order of texts, each row of Euclidean length 1.

        Raises:
            ArtefactError: the model gives no embeddings.
        """
        if self.embedding_width is None:
            raise ArtefactError(
                f"{self.version} gives no embeddings: it was exported before there were any. Take newer weights, or "
                "export it again: `yuqing train` with its build folder does so and trains nothing anew."
            )
        tokens = self.encode(texts)
        found = np.zeros((len(texts), self.embedding_width), dtype=np.float32)
        for places, rows in self._side_by_side(Reader.embeddings, tokens, token_budget):
            found[places, : rows.shape[1]] = rows
        return found

    def _side_by_side(
        self, run: Callable[[Reader, Sequence[Tokens]], R], tokens: Sequence[Tokens], token_budget: int | None
    ) -> Iterator[tuple[list[int], R]]:
        """The places of each pack and what `run` made of it, `passes` of them at a time."""
        # What would fit one pass is shared out, so that a short list keeps every core busy too.
        budget = min(token_budget or self.token_budget, max(sum(map(len, tokens)) // self.passes, 1))
        packs = list(self._packs(tokens, budget))
        made = self._pool.map(lambda one: run(one[0], [tokens[place] for place in one[1]]), packs)
        return zip((places for _, places in packs), made, strict=True)

    def _packs(self, tokens: Sequence[Tokens], token_budget: int) -> Iterator[tuple[Reader, list[int]]]:
        """The places of texts, packed by encoder and length, and the encoder that each pack is for."""
        for name, reader in self._readers.items():
            mine = [place for place, item in enumerate(tokens) if item.encoder == name]
            for packed in pack([len(tokens[place]) for place in mine], token_budget):
                yield reader, [mine[at] for at in packed]


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
