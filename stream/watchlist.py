"""The companies to watch: a default list that ships with the package, the operator's own CSV files on top, and the
entries that people edit on top of those.

A file has the columns `entity_id,name,aliases,tickers,groups,ambiguous,remove`; the first two are required, lists are
separated by `|`, empty lines and lines that begin with `#` are passed over. A later row with the same entity_id
replaces the earlier one; `remove` = `yes` takes it off the list.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from stream.cleaning import one_line
from stream.errors import WatchListError
from stream.sources.errors import InflateError
from stream.sources.inflate import Inflater

__all__ = ["Entity", "Row", "WatchList", "csv_of", "line_of", "load", "read", "read_row"]

COLUMNS = ("entity_id", "name", "aliases", "tickers", "groups", "ambiguous", "remove")
_REQUIRED = COLUMNS[:2]
_MOST_CHARS = 200
_MOST_BYTES = 64 * 1024 * 1024
"""Of one file, inflated: a hundred times the default list."""
_DEFAULT = "default.csv.gz"


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """One company. `ambiguous` lists those names and tickers that are also ordinary words or people: they count
    only where the document supports them."""

    entity_id: str
    name: str
    aliases: tuple[str, ...] = ()
    tickers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of an operator's file, or one entry that people edit; `where` is how an error calls it."""

    where: str
    entity: Entity
    remove: bool = False


@dataclass(frozen=True)
class WatchList:
    """What was read: the default list, and of operators' rows the last one of each id. They do not claim one another's
    names."""

    default: Sequence[Entity] = ()
    rows: Sequence[Row] = ()

    def entities(self, entries: Sequence[Row] = ()) -> list[Entity]:
        """The watch list in force, sorted by entity_id: what one more file with these rows would make of it.

        Should a file claim what an entry has, which was refused when the entry was made, the entry keeps it. Raises
        WatchListError where two entries claim the same.
        """
        problems: list[str] = []
        edited = {row.entity.entity_id for row in entries}
        above = [row for row in entries if not row.remove]
        below = [row for row in self.rows if not row.remove and row.entity.entity_id not in edited]
        claimed = _claims(above, problems)
        if problems:
            raise WatchListError(problems)
        own = _overruled((row.entity for row in below), set(), claimed)
        ids = edited | {row.entity.entity_id for row in self.rows}
        left = _overruled(self.default, ids, claimed.union(*(_forms(row.entity) for row in below)))
        return sorted([*left, *own, *(row.entity for row in above)], key=lambda entity: entity.entity_id)


def load(csv_paths: Sequence[Path | str] = (), *, include_default: bool = True) -> list[Entity]:
    """The watch list of these files, sorted by entity_id. Raises as `read` does."""
    return read(csv_paths, include_default=include_default).entities()


def read(csv_paths: Sequence[Path | str] = (), *, include_default: bool = True) -> WatchList:
    """The lists that the files and the package have.

    An operator's row wins over the default list: it replaces the row of the same id or the same name, and an alias
    or ticker that it claims is taken from whatever default row had it. Raises WatchListError with every mistake.
    """
    problems: list[str] = []
    default = {row.entity.entity_id: row.entity for row in (_default_rows() if include_default else ())}
    own: dict[str, Row] = {}
    for path in csv_paths:
        for row in _rows_of(Path(path), problems):
            earlier = own.get(row.entity.entity_id)
            if earlier and earlier.where.rpartition(":")[0] == row.where.rpartition(":")[0]:
                problems.append(f"{row.where}: entity_id {row.entity.entity_id!r} is already in {earlier.where}")
            own[row.entity.entity_id] = row
    _claims([row for row in own.values() if not row.remove], problems)
    if problems:
        raise WatchListError(problems)
    return WatchList(tuple(default.values()), tuple(own.values()))


def read_row(cells: Mapping[str, str]) -> Row:
    """One row, from its cells by column; raises WatchListError with every mistake in it, as `column: mistake`."""
    problems: list[str] = []
    row = _row({"entity_id": "", **cells}, "entry", problems)
    if row is None:
        raise WatchListError([problem.removeprefix("entry: ") for problem in problems])
    return row


def line_of(entity: Entity) -> str:
    """The row of a file that makes this entity, in the order of COLUMNS up to `ambiguous`."""
    return _line(_cells_of(entity))


def csv_of(rows: Iterable[Row]) -> str:
    """A file that `read` makes these rows of."""
    lines = (_line((*_cells_of(row.entity), "yes" if row.remove else "")) for row in rows)
    return "\n".join([_line(COLUMNS), *lines, ""])


def _cells_of(entity: Entity) -> Sequence[str]:
    return (entity.entity_id, entity.name, *("|".join(getattr(entity, column)) for column in COLUMNS[2:6]))


def _line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    written = line.getvalue()
    if not written.startswith("#"):
        return written
    return f'"{cells[0]}"{written.removeprefix(cells[0])}'  # else it would be passed over


def _forms(entity: Entity) -> set[str]:
    return {entity.name, *entity.aliases, *entity.tickers}


def _overruled(entities: Iterable[Entity], ids: set[str], claimed: set[str]) -> list[Entity]:
    """What is left of a list once operators' rows with these ids claim these names and tickers."""
    left = (entity for entity in entities if entity.entity_id not in ids and entity.name not in claimed)
    return [_without(entity, claimed) for entity in left]


def _default_rows() -> Iterator[Row]:
    packed = files("stream").joinpath("watchlists", _DEFAULT).read_bytes()
    problems: list[str] = []
    yield from _rows(io.StringIO(gzip.decompress(packed).decode()), _DEFAULT, problems)
    if problems:
        raise WatchListError(problems)


def _rows_of(path: Path, problems: list[str]) -> list[Row]:
    try:
        raw = path.read_bytes()
        text = (_inflated(raw) if raw.startswith(b"\x1f\x8b") else raw).decode("utf-8-sig")
    except OSError as error:
        problems.append(f"{path}: cannot be read ({error.strerror}): check the path of the watch list")
    except InflateError as error:
        problems.append(f"{path}: {error}: compress it again, or leave it plain")
    except UnicodeDecodeError:
        problems.append(f"{path}: is not UTF-8: save it as 'CSV UTF-8'")
    else:
        return list(_rows(io.StringIO(text), str(path), problems))
    return []


def _inflated(raw: bytes) -> bytes:
    inflater = Inflater(_MOST_BYTES)
    plain = inflater.feed(raw)
    inflater.finish()
    return plain


def _rows(lines: Iterable[str], where: str, problems: list[str]) -> Iterator[Row]:
    reader = csv.reader(line if not line.startswith("#") else "\n" for line in lines)
    header: list[str] | None = None
    for cells in _cells(reader, where, problems):
        at = f"{where}:{reader.line_num}"
        cells = [cell.strip() for cell in cells]
        if not any(cells):
            continue
        if header is None:
            header = [cell.lower() for cell in cells]
            wrong = [f"{name!r} is missing" for name in _REQUIRED if name not in header]
            wrong += [f"{name!r} is unknown" for name in header if name not in COLUMNS]
            if wrong:
                problems.append(f"{at}: header: {', '.join(wrong)}; the columns are {','.join(COLUMNS)}")
                return
        elif len(cells) > len(header):
            problems.append(f"{at}: {len(cells)} cells, the header has {len(header)}: quote a cell that holds a comma")
        else:
            row = _row(dict(zip(header, cells, strict=False)), at, problems)
            if row is not None:
                yield row
    if header is None:
        problems.append(f"{where}:1: empty: the first line names the columns {','.join(COLUMNS)}")


def _cells(reader: Any, where: str, problems: list[str]) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:  # such as a quote that never closes
        problems.append(f"{where}:{reader.line_num}: {error}: look for a quote that is not closed")


def _row(cells: dict[str, str], at: str, problems: list[str]) -> Row | None:
    before = len(problems)
    cells = {column: one_line(cell) for column, cell in cells.items()}  # as documents are: else a name is never found
    entity_id, name, remove = cells["entity_id"], cells.get("name", ""), cells.get("remove", "").lower()
    if not entity_id or entity_id == "*" or any(c.isspace() or not c.isprintable() for c in entity_id):
        problems.append(f"{at}: entity_id: {entity_id!r}: give a short id without spaces, such as AAPL.US")
    if remove not in ("", "yes", "no"):
        problems.append(f"{at}: remove: {remove!r}: write yes, or leave it empty")
    if not name and remove != "yes":
        problems.append(f"{at}: name: empty: give the company's name, or remove=yes")
    lists: dict[str, tuple[str, ...]] = {}
    for column in COLUMNS[2:6]:
        parts = (part.strip() for part in cells.get(column, "").split("|"))
        lists[column] = tuple(dict.fromkeys(part for part in parts if part))
    for column, values in {"entity_id": (entity_id,), "name": (name,), **lists}.items():
        problems += [f"{at}: {column}: longer than {_MOST_CHARS} characters" for v in values if len(v) > _MOST_CHARS]
    for column, form in [("name", name), *(("aliases", alias) for alias in lists["aliases"])]:
        if len(form) == 1:
            problems.append(f"{at}: {column}: {form!r} is a single character: put a ticker under tickers")
    if len(problems) > before:
        return None
    return Row(where=at, entity=Entity(entity_id=entity_id, name=name, **lists), remove=remove == "yes")


def _claims(rows: Sequence[Row], problems: list[str]) -> set[str]:
    """Every name and ticker of the operator's rows; two rows must not claim the same one."""
    owner: dict[str, Row] = {}
    for row in rows:
        for form in _forms(row.entity):
            other = owner.setdefault(form, row)
            if other is not row:
                problems.append(f"{row.where}: {form!r} belongs to {other.where} too: take it off one of the two")
    return set(owner)


def _without(entity: Entity, claimed: set[str]) -> Entity:
    """The entity less the aliases and tickers that an operator's row claims."""
    if claimed.isdisjoint((*entity.aliases, *entity.tickers)):
        return entity
    return msgspec.structs.replace(
        entity,
        aliases=tuple(form for form in entity.aliases if form not in claimed),
        tickers=tuple(form for form in entity.tickers if form not in claimed),
        ambiguous=tuple(form for form in entity.ambiguous if form not in claimed),
    )
