"""What an entry of the watch list would have matched in the last days, before anybody puts it there.

Candidates come from the full-text index; whether one is about the company is asked of whoever links names, with the
whole list in force and by the same rules as new documents are linked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal, Protocol
from uuid import UUID

from sqlalchemy import Connection

from storage.watch_entries import Entry
from storage.worded_documents import MOST_COUNTED, WordedDocument, holding, how_many_hold, searchable

__all__ = [
    "Caution",
    "CautionKind",
    "Entry",
    "Form",
    "Linking",
    "Matcher",
    "Preview",
    "Sample",
    "Seen",
    "WatchLists",
    "preview",
]

_DAYS: Final = 7
_MOST_READ: Final = 1_000
"""Newest documents that are read: linking one takes half a millisecond."""
_SAMPLES: Final = 10
_ENOUGH: Final = 5
"""A name that stood in fewer documents is no evidence that it means something else too."""

CautionKind = Literal["ordinary", "unsupported", "taken", "refused", "not_searched"]


@dataclass(frozen=True, slots=True)
class Caution:
    """What to look at before adding the entry. `form` is the name, alias or ticker in question.

    ordinary: a word, a place or a first name too, and not listed as ambiguous. unsupported: in most documents nothing
    beside it says that a company is meant. taken: it would be taken from the company `about`. refused: a file
    of the installation or another entry gives it to `about`, and two may not have it. not_searched: too frequent a word
    for the index.
    """

    kind: CautionKind
    form: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A name, alias or ticker: in how many documents read it stood, and where something beside it means a company."""

    text: str
    ambiguous: bool
    documents: int
    supported: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A document that would have been the company's. Text is untrusted. `surface` is how it names the company."""

    document_id: UUID
    published_at: datetime
    source: str
    url: str
    title: str
    sentiment: str
    surface: str


@dataclass(frozen=True, slots=True)
class Preview:
    """`line` is the entry as a line of a watch list's file: entity_id,name,aliases,tickers,groups,ambiguous.

    Of `candidates` documents that hold one of its names (10,000 stands for more) the newest `read` were read, and
    `documents` of those would have been the company's: `stories` of them new, `negative` of them bad news.
    """

    line: str
    entity_id: str
    since: datetime
    until: datetime
    candidates: int
    read: int
    documents: int
    stories: int
    negative: int
    days: tuple[tuple[date, int], ...]
    forms: tuple[Form, ...]
    cautions: tuple[Caution, ...]
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a text holds of an entry: how it names the company (None: it does not), and which forms stand where."""

    surface: str | None
    standing: frozenset[str]
    supported: frozenset[str]


class Matcher(Protocol):
    """One entry as the linker would know it, beside the list in force."""

    @property
    def line(self) -> str:
        """As in a file."""

    @property
    def entity_id(self) -> str:
        """Its id."""

    @property
    def forms(self) -> Sequence[tuple[str, bool]]:
        """Each name, alias and ticker, and whether it is listed as ambiguous."""

    @property
    def phrases(self) -> Sequence[str]:
        """What documents that match hold, one of them at least."""

    @property
    def cautions(self) -> Sequence[Caution]:
        """What lists of words and the watch list say of it."""

    def look(self, title: str, body: str) -> Seen:
        """What a document holds of it."""


class Linking(Protocol):
    """Knows the linker and the watch list in force at one moment."""

    def matcher(self, entry: Entry) -> Matcher:
        """Raises EntryError where it is no entry."""

    def listed(self, entity_id: str) -> Entry | None:
        """What the list has under an id."""

    def checked(self, entry: Entry) -> Entry:
        """The entry as a file would be read: this may be stored. Raises EntryError with every mistake in it, and with
        each name that another row of the installation's files or another entry has already."""


class WatchLists(Protocol):
    """Knows the installation's files, which this room does not."""

    def now(self, connection: Connection) -> Linking:
        """With the entries that people have made of the list by now."""


def preview(connection: Connection, matcher: Matcher, until: datetime) -> Preview:
    """What an entry would have matched in the seven days before `until`."""
    since = until - timedelta(days=_DAYS)
    phrases = [phrase for phrase in matcher.phrases if searchable(connection, phrase)]
    candidates = how_many_hold(connection, phrases, since, until) if phrases else 0
    documents = holding(connection, phrases, since, until, most=_MOST_READ) if candidates else []
    seen = [matcher.look(one.title, one.body) for one in documents]
    matched = [(one, found.surface) for one, found in zip(documents, seen, strict=True) if found.surface is not None]
    standing = Counter(form for found in seen for form in found.standing)
    supported = Counter(form for found in seen for form in found.supported)
    forms = tuple(Form(text, listed, standing[text], supported[text]) for text, listed in matcher.forms)
    days = Counter(one.published_at.date() for one, _ in matched)
    every_day = (since.date() + timedelta(days=day) for day in range((until.date() - since.date()).days + 1))
    return Preview(
        line=matcher.line,
        entity_id=matcher.entity_id,
        since=since,
        until=until,
        candidates=min(candidates, MOST_COUNTED),
        read=len(documents),
        documents=len(matched),
        stories=sum(one.novelty == "new" for one, _ in matched),
        negative=sum(one.sentiment == "negative" for one, _ in matched),
        days=tuple((day, days[day]) for day in every_day),
        forms=forms,
        cautions=(*matcher.cautions, *_unsupported(forms), *_not_searched(matcher, phrases)),
        samples=tuple(_sample(one, surface) for one, surface in matched[:_SAMPLES]),
    )


def _unsupported(forms: Sequence[Form]) -> list[Caution]:
    return [
        Caution("unsupported", form.text)
        for form in forms
        if not form.ambiguous and form.documents >= _ENOUGH and form.supported * 2 < form.documents
    ]


def _not_searched(matcher: Matcher, phrases: Sequence[str]) -> list[Caution]:
    return [Caution("not_searched", text) for text, _ in matcher.forms if text not in phrases]


def _sample(document: WordedDocument, surface: str) -> Sample:
    return Sample(
        document.document_id,
        document.published_at,
        document.source,
        document.url,
        document.title,
        document.sentiment,
        surface,
    )
