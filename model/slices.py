"""The same measurement on parts of a file, by language and by length: an average hides who is served badly.

Language is told by the script of the text, by the same function that chooses the encoder.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from model.answers import Answers
from model.intervals import RESAMPLES, Intervals, intervals
from model.measures import calibration_error, macro_f1
from model.routing import LANGUAGES, language_of

LENGTHS: Final = (16, 32, 64)  # tokens; fixed, so that files and models compare


class Slice(msgspec.Struct, frozen=True):
    """A part of the rows, measured as the whole is (`model/evaluation.py`)."""

    rows: int
    accuracy: float
    macro_f1: float
    calibration_error: float | None
    intervals: Intervals


def length_name(tokens: int) -> str:
    """Which bin of tokens read, marks included, a length falls into: '1-16', '17-32', '33-64' or '65+'."""
    low = 1
    for high in LENGTHS:
        if tokens <= high:
            return f"{low}-{high}"
        low = high + 1
    return f"{low}+"


def slices(answers: Answers, *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, dict[str, Slice]]:
    """Measure by 'language' and by 'length'; slices without rows are left out.

    Args:
        answers: of the whole file.
        resamples: see `model/intervals.py`.
        seed: see there.
    """
    languages = [language_of(row.text) for row in answers.rows]
    bins = [length_name(tokens) for tokens in answers.lengths]
    every_bin = [*map(length_name, LENGTHS), length_name(LENGTHS[-1] + 1)]

    def parts(names: Sequence[str], of_rows: Sequence[str]) -> dict[str, Slice]:
        places = {name: np.flatnonzero(np.array(of_rows) == name) for name in names}
        return {name: _slice(answers.only(here), resamples, seed) for name, here in places.items() if len(here)}

    return {"language": parts(LANGUAGES, languages), "length": parts(every_bin, bins)}


def _slice(part: Answers, resamples: int, seed: int) -> Slice:
    right = part.right
    return Slice(
        len(part.rows),
        float(right.mean()),
        macro_f1(part.truths, part.given),
        calibration_error(part.confidence, right) if part.exclusive else None,
        intervals(part, resamples=resamples, seed=seed),
    )
