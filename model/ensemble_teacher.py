"""An ensemble as a teacher: the stack of one set of three sentiments, in a folder.

    ensemble.json   the folders of its models, relative to its own, and the words that TF-IDF knows
    ensemble.npz    inverse document frequencies, and the coefficients of TF-IDF and of the stack

Nothing in it is executable and nothing is unpickled. It teaches sentiment as its set has it, so in the language of that
set; its topics are the mean of its models' logits. TF-IDF has learned the labels of its train part nearly by heart:
what it says of unlabelled text is worth more.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from model.artefact import sha256
from model.engines import FloatArray
from model.ensemble import Ensemble, Words, member_chances
from model.errors import UNREADABLE_JSON, ArtefactError, ConfigError, EngineError
from model.stacking import Linear, features_of
from model.tasks import SENTIMENT
from model.teachers import ENSEMBLE, Question, load_teacher
from model.techniques import Precision

ARRAYS: Final = "ensemble.npz"


class Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `ensemble.json` holds; `analyzer` and `ngram_range` as scikit-learn's `TfidfVectorizer` takes them."""

    models: tuple[str, ...]
    max_tokens: int
    analyzer: str
    ngram_range: tuple[int, int]
    terms: tuple[str, ...]


def save_ensemble(ensemble: Ensemble, models: Sequence[Path], folder: Path, *, max_tokens: int) -> None:
    """Write an ensemble that `load_teacher` reads.

    Args:
        ensemble: of a set of three sentiments.
        models: the folders of its models, in their order.
        folder: made if absent.
        max_tokens: that a model without a manifest reads of a text.

    Raises:
        ConfigError: the set has other labels, or not all of them in its train and dev parts.
    """
    words, stack = ensemble.words, ensemble.stack
    if ensemble.task is not SENTIMENT or not np.isfinite([*words.linear.intercepts, *stack.intercepts]).all():
        raise ConfigError(
            f"{ensemble.measured.file} makes no teacher: that takes rows of all of {', '.join(SENTIMENT.labels)} in "
            "its train and dev parts"
        )
    folder.mkdir(parents=True, exist_ok=True)
    vectors = words.vectors
    terms = tuple(str(term) for term in vectors.get_feature_names_out())
    relative = tuple(os.path.relpath(model, folder) for model in models)
    described = Described(relative, max_tokens, vectors.analyzer, vectors.ngram_range, terms)
    (folder / ENSEMBLE).write_bytes(msgspec.json.encode(described))
    with (folder / ARRAYS).open("wb") as stream:
        np.savez(
            stream,
            idf=vectors.idf_,
            words=words.linear.coefficients,
            words_intercepts=words.linear.intercepts,
            stack=stack.coefficients,
            stack_intercepts=stack.intercepts,
        )


class EnsembleTeacher:
    """An ensemble that was saved in a folder.

    Args:
        folder: as `save_ensemble` writes it.
        precision: of the forward passes of models without a manifest.

    Raises:
        ArtefactError: a file in the folder cannot be read.
        ConfigError: one of its models is no teacher.
        EngineError: scikit-learn is not installed.
    """

    def __init__(self, folder: Path, *, precision: Precision = "fp32") -> None:
        try:
            described = msgspec.json.decode((folder / ENSEMBLE).read_bytes(), type=Described)
            with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
                self._stack = Linear(arrays["stack"], arrays["stack_intercepts"])
                linear, idf = Linear(arrays["words"], arrays["words_intercepts"]), arrays["idf"]
        except (OSError, ValueError, KeyError, *UNREADABLE_JSON) as error:
            raise ArtefactError(f"{folder} holds no readable ensemble: {error}. Save it again.") from error
        self._words = Words(_vectors(described, idf), linear)
        self._models = [
            load_teacher(folder / model, max_tokens=described.max_tokens, precision=precision)
            for model in described.models
        ]
        parts = [sha256(folder / ENSEMBLE), sha256(folder / ARRAYS), *(model.key for model in self._models)]
        self.key = f"ensemble-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]}"

    def logits(self, questions: Sequence[Question]) -> tuple[FloatArray, FloatArray]:
        """See `Teacher.logits`; the sentiment logits are log probabilities."""
        answers = [model.logits(questions) for model in self._models]
        members = member_chances(SENTIMENT, self._words, questions, answers)
        sentiment = np.log(self._stack.chances(features_of(members)))
        return sentiment.astype(np.float32), np.mean([topics for _, topics in answers], axis=0, dtype=np.float32)


def _vectors(described: Described, idf: FloatArray) -> Any:
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]
    except ImportError as error:
        raise EngineError("this teacher needs scikit-learn: pip install 'yuqing[train]'") from error
    places = {term: place for place, term in enumerate(described.terms)}
    vectors = TfidfVectorizer(
        analyzer=described.analyzer, ngram_range=described.ngram_range, sublinear_tf=True, vocabulary=places
    )
    vectors.idf_ = idf
    return vectors
