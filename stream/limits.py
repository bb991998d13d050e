"""How much of a hostile document intake takes in: every bound in one place, with its reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

__all__ = ["Limits"]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on one raw record. Sizes are bytes or characters as the name says."""

    record_bytes: int = 16 * 1024 * 1024
    """A larger record is a dead letter. The broker's own limit on `documents.raw` is the same."""
    json_bytes: int = 32 * 1024 * 1024
    """A compressed record that grows beyond this is a dead letter, and is not inflated any further."""
    raw_chars: int = 1_000_000
    """A title or body is cut here before markup is taken off: the largest article pages are half of this."""
    title_chars: int = 1_000
    """Cut here after cleaning. Longer than any headline; a forum post without a title may fill it."""
    body_chars: int = 100_000
    """Cut here after cleaning: a long annual report's first thirty pages, far beyond what the model reads."""
    oldest: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    """A publication time before this is a mistake (zero epochs, two-digit years) and is replaced."""
    future: timedelta = timedelta(days=1)
    """A publication time this far after arrival is still believed: zones are often left out or wrong."""
