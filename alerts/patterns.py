"""Regular expressions that operators and analysts write, run by RE2: in time that grows with the text alone.

Backtracking engines can be made to hang by thirty characters. RE2 cannot, and therefore knows neither look-around nor
back references; nor does Alertmanager, which uses the same syntax.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import re2  # type: ignore[import-untyped]

__all__ = ["MOST_CHARS", "PatternError", "compiled", "of_words"]

MOST_CHARS: Final = 4000
"""A regular expression longer than this is a mistake, or meant to fill memory."""

_MOST_MEMORY: Final = 1 << 20
"""Bytes that RE2 may take for one expression; one that wants more is refused."""


class PatternError(ValueError):
    """What is written is no regular expression of RE2; the message says where."""


@cache
def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.max_mem = _MOST_MEMORY
    return options


def compiled(pattern: str) -> Any:
    """Something with `search` and `fullmatch`, in which a dot is any character. Raises PatternError."""
    if len(pattern) > MOST_CHARS:
        raise PatternError(f"it has more than {MOST_CHARS} characters")
    try:
        return re2.compile(pattern, _options())
    except re2.error as error:
        told = error.args[0]
        raise PatternError(told.decode() if isinstance(told, bytes) else str(told)) from error
    except UnicodeEncodeError as error:
        raise PatternError("it holds half a character") from error


def of_words(words: Sequence[str]) -> Any:
    """Finds any of the words, whole where they are Latin, in any case. Raises PatternError for more than fits."""
    return compiled("(?i)" + "|".join(map(_word, words)))


def _word(word: str) -> str:
    before, after = (r"\b" if _latin(edge) else "" for edge in (word[:1], word[-1:]))
    return f"{before}{re2.escape(word)}{after}"


def _latin(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter == "_")
