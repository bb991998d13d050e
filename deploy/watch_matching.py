"""An entry for the watch list as the linker would know it: the list in force, with the entry as an operator's row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace
from opencc import OpenCC  # type: ignore[import-untyped]

from alerts.detection.unlisted import id_from
from alerts.errors import EntryError
from alerts.reading.watch_preview import Caution, Entry, Seen
from stream.entities import EntityLinker
from stream.errors import WatchListError
from stream.intake import joined
from stream.names import is_ordinary
from stream.watchlist import Entity, line_of, load, read_row, with_row

if TYPE_CHECKING:
    from deploy.settings import Settings

__all__ = ["EntryMatcher", "WatchLinking"]

_MOST_FORMS: Final = 50


class WatchLinking:
    """Tries entries beside a watch list; `own` are the ids of those that stand in operators' files."""

    def __init__(self, entities: Sequence[Entity], own: set[str]) -> None:
        self._entities = {entity.entity_id: entity for entity in entities}
        self._own = own

    @classmethod
    def of(cls, settings: Settings) -> WatchLinking:
        """Beside the list that the settings name. Raises WatchListError that names every faulty line."""
        lists = list(settings.intake.watchlists)
        entities = load(lists, include_default=settings.intake.default_watchlist)
        return cls(entities, {entity.entity_id for entity in load(lists, include_default=False)})

    def listed(self, entity_id: str) -> Entry | None:
        """What the list has under an id."""
        found = self._entities.get(entity_id)
        return Entry(**{name: getattr(found, name) for name in Entity.__struct_fields__}) if found else None

    def matcher(self, entry: Entry) -> EntryMatcher:
        """Raises EntryError with every mistake in the entry."""
        cells = {name: "|".join(getattr(entry, name)) for name in ("aliases", "tickers", "groups", "ambiguous")}
        named = {"entity_id": entry.entity_id or id_from(entry.name), "name": entry.name.strip()}
        try:
            entity = read_row(cells | named)
        except WatchListError as error:
            raise EntryError([problem.removeprefix("entry: ") for problem in error.problems]) from error
        if 1 + len(entity.aliases) + len(entity.tickers) > _MOST_FORMS:
            raise EntryError([f"aliases: more than {_MOST_FORMS} names and tickers"])
        return EntryMatcher(entity, list(self._entities.values()), self._own)


class EntryMatcher:
    """Links texts as the scorer would if the entry were on the list. Making one takes some 50 ms."""

    def __init__(self, entity: Entity, entities: Sequence[Entity], own: set[str]) -> None:
        """`own` are the ids of operators' rows among `entities`."""
        forms = tuple(dict.fromkeys((entity.name, *entity.aliases, *entity.tickers)))
        self.entity_id = entity.entity_id
        self.line = line_of(entity)
        self.forms = [(form, form in entity.ambiguous) for form in forms]
        spelt = (spelling for ticker in entity.tickers for spelling in _spellings(ticker))
        self.phrases = list(dict.fromkeys((*forms, *_traditional(forms), *spelt)))
        self.cautions = [*_taken(entity, entities, own), *_ordinary(entity)]
        self._forms = forms
        self._linker = EntityLinker(with_row(entities, entity))
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
