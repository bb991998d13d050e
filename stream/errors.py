"""Everything that goes wrong in this room on purpose.

StreamError
├── Unreadable          one raw record cannot become a document: it goes to `documents.dead` with its reason
└── WatchListError      a watch list has mistakes in it: the operator mends the named lines
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

__all__ = ["DeadReason", "StreamError", "Unreadable", "WatchListError"]


class DeadReason(StrEnum):
    """Why a raw record became a dead letter. The list is closed: it is also a metric label and a column."""

    NOT_JSON = "not_json"
    """The bytes are no JSON value at all."""
    WRONG_SHAPE = "wrong_shape"
    """JSON, but no document: a field has the wrong type, or the source is missing."""
    NO_TEXT = "no_text"
    """Neither title nor body holds a letter once markup is gone."""
    NOT_UTF8 = "not_utf8"
    """The bytes are not UTF-8, and no other encoding explains them convincingly."""
    TOO_LARGE = "too_large"
    """The record is larger than the limit."""
    DECOMPRESSION_BOMB = "decompression_bomb"
    """The compressed record grows beyond the limit."""
    UNSCORABLE = "unscorable"
    """The model, or a later stage, failed on this document and on no other."""
    CORRUPT_SCORED = "corrupt_scored"
    """A record of `documents.scored` cannot be read back."""


class StreamError(Exception):
    """The root: catch this to catch whatever this room raises on purpose."""


class Unreadable(StreamError):  # noqa: N818 - reads as what it is: "raises Unreadable"
    """One raw record cannot become a document. Trying again will not help; the stream goes on without it."""

    def __init__(self, reason: DeadReason, detail: str) -> None:
        """`detail` says what exactly was wrong, for an operator; it holds no text of the document."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[Unreadable], tuple[DeadReason, str]]:
        """So that it can come from another process."""
        return type(self), (self.reason, self.detail)


class WatchListError(StreamError):
    """A watch list cannot be used. `problems` names every mistake: file, line, column, and how to mend it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
