"""Which version of a document counts: the latest, whatever the order in which versions arrive. Pure.

A record without a time of revision is the document as it first came: the first one seen counts, others repeat it. Any
revision is newer than that. Of two revisions the later time wins; of one time a takedown, and then the content whose
digest is higher, so that every order of arrival ends in the same version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Literal, NamedTuple
from uuid import UUID

from storage.records import Retraction, ScoredDocument

__all__ = ["FIRST", "Course", "Known", "Outcome", "Version", "is_revision", "version_of"]

Outcome = Literal["stored", "corrected", "retracted", "superseded", "repeated"]


class Version(NamedTuple):
    """Compares as versions do."""

    revised_at: datetime
    retracted: bool
    digest: UUID


FIRST = Version(datetime.min.replace(tzinfo=UTC), False, UUID(int=0))
"""A document as it first came."""


@dataclass(frozen=True)
class Known:
    """What the books know of an id before a batch."""

    version: Version
    published_at: datetime
    counts: bool
    """A version is stored and counts."""
    dropped: bool = False
    """It counts, but retention has dropped what it added: nothing can be taken out any more."""
    erased: bool = False
    """Its text was erased for good: no other version is taken in."""


def is_revision(record: ScoredDocument | Retraction) -> bool:
    """Whether a record is more than a document as it first comes."""
    return record.revised_at is not None


def version_of(record: ScoredDocument | Retraction) -> Version:
    """The version that a record brings."""
    if isinstance(record, Retraction):
        return Version(record.revised_at, True, FIRST.digest)
    if record.revised_at is None:
        return FIRST
    return Version(record.revised_at, False, _digest(record))


class Course:
    """What becomes of one id while the records of a batch are taken in their order."""

    def __init__(self, known: Known | None) -> None:
        self._known = known
        self.version = known.version if known else None
        self.counting = known is not None and known.counts
        self.passed: list[ScoredDocument] = []
        """Documents of the batch that counted and were taken out again before it ended."""
        self.latest: ScoredDocument | None = None
        """The document of the batch that counts at its end, if one of them does."""

    @property
    def takes_out_stored(self) -> bool:
        """Whether the version that counted before the batch does not count any more."""
        return self._known is not None and self._known.counts and (not self.counting or self.latest is not None)

    def take(self, record: ScoredDocument | Retraction) -> Outcome:
        """Takes the next record and says what it did."""
        version = version_of(record)
        if self.version is not None and version <= self.version:
            return "repeated" if version in (self.version, FIRST) else "superseded"
        if self._known is not None and self._known.dropped:
            return "superseded"
        if isinstance(record, Retraction):
            self.version = version
            return "retracted" if self._take_out() else "superseded"
        if self._known is not None and self._known.erased:
            return "superseded"
        self.version = version
        outcome: Outcome = "corrected" if self._take_out() else "stored"
        self.latest, self.counting = record, True
        return outcome

    def _take_out(self) -> bool:
        counted = self.counting
        if self.latest is not None:
            self.passed.append(self.latest)
        self.latest, self.counting = None, False
        return counted


def _digest(document: ScoredDocument) -> UUID:
    """Of what its source wrote, so that a later model or story index does not make it another version.

    Nor does a later crawl, of an item that does not say when it was published.
    """
    published_at = "" if "time_replaced" in document.flags else document.published_at.isoformat()
    written = (published_at, document.url, document.title, document.body)
    content = "\0".join(written).encode("utf-8", "surrogatepass")
    return UUID(bytes=blake2b(content, digest_size=16).digest())
