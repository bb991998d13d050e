"""The profile that live text is compared with: made once for each model, from rows that its training did not see.

It holds counts, means and covariances, and no text. Vectors are embeddings where the model gives them, which move with
anything that the encoder tells apart, and otherwise logits. A profile says which; live text is looked at likewise.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np

from model.classifier import Classifier
from model.datasets import Sets, document_rows
from model.drift import Floats, Sketch, sketch
from model.errors import UNREADABLE_JSON, ArtefactError
from model.evaluation import all_logits
from model.routing import Language, language_of

FORMAT: Final = 1
MOST: Final = 4000  # reference texts of each language
NO_TOPIC: Final = "none"
_LENGTHS: Final = (0, 16, 32, 64, 128, 256, 512, 1024, 4096)  # characters
_HEAD: Final = 100  # characters whose pieces are counted; few enough to be read whole
_CUTS: Final = tuple(share / 20 for share in range(21))  # pieces for each character

VectorsOf = Literal["embeddings", "logits"]
What = Literal["sentiment", "topic", "length", "pieces", "vectors"]


class LanguageProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Documents of one language: how many had which predicted sentiment, first topic, length and fineness of pieces.

    Pieces for each character rise where text falls apart into single characters, and fall where it is unknown.
    """

    documents: int
    sentiment: dict[str, int]
    topic: dict[str, int]
    length: dict[str, int]
    pieces: dict[str, int]
    vectors: Sketch


class DriftProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model made of its reference data, by language.

    `vectors_of` says what the vectors are; profiles made before models gave embeddings do not, and hold logits.
    """

    format: int
    model_version: str
    languages: dict[Language, LanguageProfile]
    vectors_of: VectorsOf = "logits"


@dataclass(frozen=True, slots=True)
class Observed:
    """What a model makes of texts of one language: counts, and (documents, width) vectors."""

    counts: Mapping[What, Mapping[str, int]]
    vectors: Floats


def logit_vectors(classifier: Classifier, texts: Sequence[str]) -> Floats:
    """Sentiment and topic logits side by side, (texts, 3 + topics): what the classifier sees in a text."""
    return np.hstack(all_logits(classifier, texts))


def embedding_vectors(classifier: Classifier, texts: Sequence[str]) -> Floats:
    """Embeddings, (texts, width): what the encoder made of a text."""
    return classifier.embed(texts).astype(np.float64)


_VECTORS: Final[Mapping[VectorsOf, Callable[[Classifier, Sequence[str]], Floats]]] = {
    "embeddings": embedding_vectors,
    "logits": logit_vectors,
}


def observe(classifier: Classifier, texts: Sequence[str], profile: DriftProfile) -> dict[Language, Observed]:
    """Sort texts by language and look at them as the profile's were looked at; asks the model twice about each.

    Raises:
        ArtefactError: the profile is of embeddings, and this model gives none.
    """
    return _by_language(classifier, texts, profile.vectors_of)


def make_profile(classifier: Classifier, texts: Sequence[str]) -> DriftProfile:
    """Make the profile of reference texts; a language with fewer than two texts is left out."""
    vectors_of: VectorsOf = "logits" if classifier.embedding_width is None else "embeddings"
    languages = {
        language: LanguageProfile(
            documents=len(seen.vectors), **{str(what): dict(one) for what, one in seen.counts.items()},
            vectors=sketch(seen.vectors),
        )
        for language, seen in _by_language(classifier, texts, vectors_of).items()
        if len(seen.vectors) > 1
    }  # fmt: skip
    return DriftProfile(FORMAT, classifier.version, languages, vectors_of)


def unseen_texts(sets: Sets, *, most: int = MOST) -> list[str]:
    """Dev and test texts of every set, at most `most` of each language, drawn by chance but always the same."""
    found: dict[Language, list[str]] = {}
    for _, parts in sets.values():
        for row in document_rows([*parts["dev"], *parts["test"]]):
            found.setdefault(language_of(row.text), []).append(row.text)
    rng = np.random.default_rng(0)
    return [texts[place] for texts in found.values() for place in rng.permutation(len(texts))[:most]]


def write_profile(profile: DriftProfile, path: Path) -> None:
    """Write a profile as JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(profile), indent=1) + b"\n")


def read_profile(path: Path, model_version: str) -> DriftProfile:
    """Read a profile.

    Raises:
        ArtefactError: it is absent, no profile, or that of another model.
    """
    try:
        profile = msgspec.json.decode(path.read_bytes(), type=DriftProfile)
    except (OSError, *UNREADABLE_JSON) as error:
        raise ArtefactError(f"{path} cannot be read: {error}. `yuqing drift profile` makes one.") from error
    if (profile.format, profile.model_version) != (FORMAT, model_version):
        raise ArtefactError(
            f"{path} is the profile of {profile.model_version}, but {model_version} is in force: "
            "make one with `yuqing drift profile`."
        )
    return profile


def _by_language(classifier: Classifier, texts: Sequence[str], vectors_of: VectorsOf) -> dict[Language, Observed]:
    found: dict[Language, list[str]] = {}
    for text in texts:
        found.setdefault(language_of(text), []).append(text)
    return {language: _observed(classifier, chosen, vectors_of) for language, chosen in found.items()}


def _observed(classifier: Classifier, texts: list[str], vectors_of: VectorsOf) -> Observed:
    predictions = classifier.predict(texts)
    pieces = classifier.encode([text[:_HEAD] for text in texts])
    finenesses = [len(one) / max(len(text[:_HEAD]), 1) for one, text in zip(pieces, texts, strict=True)]
    counts: dict[What, Mapping[str, int]] = {
        "sentiment": Counter(one.label for one in predictions),
        "topic": Counter(one.topics[0] if one.topics else NO_TOPIC for one in predictions),
        "length": _histogram([len(text) for text in texts], _LENGTHS),
        "pieces": _histogram(finenesses, _CUTS),
    }
    return Observed(counts, _VECTORS[vectors_of](classifier, texts))


def _histogram(values: Sequence[float], edges: Sequence[float]) -> dict[str, int]:
    counted, _ = np.histogram(values, bins=[*edges, np.inf])
    names = [f"{low:g}-{high:g}" for low, high in pairwise(edges)] + [f"{edges[-1]:g}-"]
    return {name: int(count) for name, count in zip(names, counted, strict=True) if count}
