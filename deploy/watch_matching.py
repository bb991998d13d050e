"""An entry for the watch list as the linker would know it: the list in force, with the entry on top."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace
from opencc import OpenCC  # type: ignore[import-untyped]

from alerts.detection.unlisted import id_from, is_unlisted
from alerts.errors import EntryError
from alerts.reading.watch_preview import Caution, Seen
from deploy.watch_lists import rows_of
from storage.watch_entries import Entry, in_force, newest
from stream.entities import EntityLinker
from stream.errors import WatchListError
from stream.intake import joined
from stream.names import is_ordinary
from stream.watchlist import Entity, Row, WatchList, line_of, read_row

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["EntryMatcher", "FollowedLists", "WatchLinking"]

_MOST_FORMS: Final = 50
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f]")
_FORMULA: Final = "{}: begins with {!r}: a spreadsheet that opens an export would take it for a formula"


class FollowedLists:
    """The installation's files with the entries that people edit. Safe between threads."""

    def __init__(self, lists: WatchList) -> None:
        self._lists = lists
        self._known: tuple[int, WatchLinking] | None = None

    def now(self, connection: Connection) -> WatchLinking:
        """The list in force; read again where it has changed."""
        known = self._known
        if known is None or known[0] != newest(connection):
            version, entries = in_force(connection)
            self._known = known = version, WatchLinking(self._lists, rows_of(entries))
        return known[1]


class WatchLinking:
    """One watch list, and entries that are tried beside it."""

    def __init__(self, lists: WatchList, entries: Sequence[Row] = ()) -> None:
        self._lists = lists
        self._entries = entries
        self._entities = {entity.entity_id: entity for entity in lists.entities(entries)}
        self._own = {row.entity.entity_id for row in (*lists.rows, *entries)}

    def listed(self, entity_id: str) -> Entry | None:
        """What the list has under an id."""
        found = self._entities.get(entity_id)
        return _entry(found) if found else None

    def matcher(self, entry: Entry) -> EntryMatcher:
        """Raises EntryError with every mistake in the entry."""
        row = _row(entry)
        others = [other for other in self._entries if other.entity.entity_id != row.entity.entity_id]
        beside = WatchList(self._lists.entities(others)).entities([row])
        return EntryMatcher(row.entity, beside, list(self._entities.values()), self._own)

    def checked(self, entry: Entry) -> Entry:
        """The entry as a file would be read. Raises EntryError with every mistake, and with every name that another
        row of a file or another entry has."""
        row = _row(entry)
        taken = () if row.remove else _taken(row.entity, list(self._entities.values()), self._own)
        refused = [(caution.form, caution.about) for caution in taken if caution.kind == "refused"]
        if refused:
            told = "{}: {!r} belongs to {} too: take it off one of the two"
            raise EntryError([told.format(_column(row.entity, form), form, about) for form, about in refused])
        return _entry(row.entity, remove=row.remove)


def _row(entry: Entry) -> Row:
    """Raises EntryError with every mistake in the entry."""
    cells = {name: "|".join(getattr(entry, name)) for name in ("aliases", "tickers", "groups", "ambiguous")}
    cells["name"] = entry.name.strip()
    cells["entity_id"] = entry.entity_id.strip() or id_from(entry.name)
    problems = [f"{name}: a control character" for name, cell in cells.items() if _UNSEEN.search(cell)]
    try:
        row = read_row(cells | {"remove": "yes" if entry.remove else ""})
    except WatchListError as error:
        raise EntryError([*problems, *error.problems]) from error
    entity = row.entity
    if is_unlisted(entity.entity_id):
        problems.append("entity_id: so begin alerts about names on no list: leave it empty, or give another")
    begins = {name: "".join(getattr(entity, name)[:1])[:1] for name in cells}
    problems += [_FORMULA.format(name, sign) for name, sign in begins.items() if sign and sign in "=+-@"]
    if 1 + len(entity.aliases) + len(entity.tickers) > _MOST_FORMS:
        problems.append(f"aliases: more than {_MOST_FORMS} names and tickers")
    if problems:
        raise EntryError(problems)
    return row


def _entry(entity: Entity, *, remove: bool = False) -> Entry:
    return Entry(**{name: getattr(entity, name) for name in Entity.__struct_fields__}, remove=remove)


def _column(entity: Entity, form: str) -> str:
    return next((name for name in ("aliases", "tickers") if form in getattr(entity, name)), "name")


class EntryMatcher:
    """Links texts as the scorer would if the entry were on the list. Making one takes some 50 ms."""

    def __init__(self, entity: Entity, beside: Sequence[Entity], entities: Sequence[Entity], own: set[str]) -> None:
        """`beside` is the list with the entry, `entities` the one in force; `own` are the ids of rows and entries that
        people wrote."""
        forms = tuple(dict.fromkeys((entity.name, *entity.aliases, *entity.tickers)))
        self.entity_id = entity.entity_id
        self.line = line_of(entity)
        self.forms = [(form, form in entity.ambiguous) for form in forms]
        spelt = (spelling for ticker in entity.tickers for spelling in _spellings(ticker))
        self.phrases = list(dict.fromkeys((*forms, *_traditional(forms), *spelt)))
        self.cautions = [*_taken(entity, entities, own), *_ordinary(entity)]
        self._forms = forms
        self._linker = EntityLinker(beside)
        apart = [_alone(place, form, form in entity.tickers) for place, form in enumerate(forms)]
        self._loose = EntityLinker(apart)
        self._strict = EntityLinker([replace(one, ambiguous=(*one.tickers, one.name)) for one in apart])

    def look(self, title: str, body: str) -> Seen:
        """What a document holds of the entry."""
        text = joined(title, body)
        standing = self._loose.link(text)
        if not standing:
            return Seen(None, frozenset(), frozenset())
        supported = self._strict.link(text)
        surface = next((one.surface for one in self._linker.link(text) if one.entity_id == self.entity_id), None)
        return Seen(
            surface,
            frozenset(self._forms[int(one.entity_id)] for one in standing),
            frozenset(self._forms[int(one.entity_id)] for one in supported),
        )


def _alone(place: int, form: str, is_ticker: bool) -> Entity:
    """A form as a company of its own, to see where it stands; a name that no text holds beside a ticker."""
    if is_ticker:
        return Entity(entity_id=str(place), name=f"\x00{place}", tickers=(form,))
    return Entity(entity_id=str(place), name=form)


def _spellings(ticker: str) -> Iterator[str]:
    """How a text may write a ticker in one word with its market, as `stream.tickers` reads it."""
    code, _, market = ticker.rpartition(".")
    if not code:
        yield ticker.replace("-", ".")
        yield from (f"{ticker}.{one}" for one in ("US", "O", "N", "OQ"))
    elif market in ("SH", "SZ", "BJ"):
        other = {"SH": ("SS", "XSHG"), "SZ": ("XSHE",)}.get(market, ())
        yield from (code, f"{market}{code}", f"{market}.{code}", *(f"{code}.{one}" for one in other))


def _traditional(forms: Sequence[str]) -> Iterator[str]:
    """Chinese names as Taiwan and as Hong Kong write them; the linker knows all of them as one."""
    for converter in _converters():
        yield from (str(converter.convert(form)) for form in forms if not form.isascii())


@cache
def _converters() -> tuple[OpenCC, OpenCC]:
    return OpenCC("s2t"), OpenCC("s2hk")


def _taken(entity: Entity, entities: Sequence[Entity], own: set[str]) -> Iterator[Caution]:
    for form in dict.fromkeys((entity.name, *entity.aliases, *entity.tickers)):
        for other in entities:
            if other.entity_id != entity.entity_id and form in (other.name, *other.aliases, *other.tickers):
                about = f"{other.name} ({other.entity_id})"
                yield Caution("refused" if other.entity_id in own else "taken", form, about)


def _ordinary(entity: Entity) -> Iterator[Caution]:
    for form in dict.fromkeys((entity.name, *entity.aliases, *entity.tickers)):
        if form not in entity.ambiguous and is_ordinary(form):
            yield Caution("ordinary", form)
