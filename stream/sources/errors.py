"""Everything that goes wrong in a source on purpose.

SourceError
├── SourceOptionsError    the settings of a source are wrong: the message names option, value expected and fix
├── FieldError            a crawled record cannot be mapped to a document
├── FeedError             one poll of a feed failed: the reason is from a closed list, and it is tried again
├── InflateError          compressed input is damaged
│   └── InflatedTooLargeError  or grows beyond its limit
├── RequestRefusedError        a pushed request is answered with an RFC 9457 problem
└── ReplayError           a file cannot be replayed any further: damaged, not a text of lines, or absent
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stream.errors import StreamError

__all__ = [
    "FeedError",
    "FieldError",
    "InflateError",
    "InflatedTooLargeError",
    "ReplayError",
    "RequestRefusedError",
    "SourceError",
    "SourceOptionsError",
]


class SourceError(StreamError):
    """The root: catch this to catch whatever a source raises on purpose."""


class SourceOptionsError(SourceError):
    """A source cannot be set up like this."""


class FieldError(SourceError):
    """A record cannot become a document. It names the field, never its content."""


class FeedError(SourceError):
    """A poll failed. `retry_after_s` is what the server asked for, in seconds from now."""

    def __init__(self, reason: str, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_after_s = retry_after_s


class InflateError(SourceError):
    """Compressed bytes end early or are no gzip."""


class InflatedTooLargeError(InflateError):
    """Compressed bytes grow beyond the limit; nothing was inflated past it."""


class RequestRefusedError(SourceError):
    """Why a request was not taken. `problems` names each fault: where it is, what it is, how to mend it."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        problems: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.problems = tuple(problems)
        self.headers = dict(headers or {})


class ReplayError(SourceError):
    """A file cannot be replayed. What was read before is published and in the checkpoint."""
