"""Alerts about names that no watch list has: how they are called, and the line that puts one on the list."""

from __future__ import annotations

import csv
import io
import re
from typing import Final

from storage.records import ANY_ENTITY

__all__ = ["entity_of", "id_from", "is_unlisted", "line_of", "name_of", "offer"]

_PREFIX: Final = "unlisted:"
_NO_ID = re.compile(r"[^0-9a-z\u3400-\u9fff]+")


def entity_of(name: str) -> str:
    """The entity_id under which alerts speak of a name. No watch list has it: its ids hold no such beginning."""
    return _PREFIX + name


def is_unlisted(entity_id: str) -> bool:
    """Whether it stands for a name and not for a company of the list."""
    return entity_id.startswith(_PREFIX)


def name_of(entity_id: str) -> str:
    """The name as the news writes it; any other entity_id as it is, but for the market's."""
    return "the whole market" if entity_id == ANY_ENTITY else entity_id.removeprefix(_PREFIX)


def id_from(name: str) -> str:
    """An entity_id for a company of this name: "Quillfeather Bank" is quillfeather-bank."""
    return _NO_ID.sub("-", name.lower()).strip("-")


def line_of(entity_id: str) -> str:
    """The line `entity_id,name,aliases,tickers` of a watch list's CSV for it; empty where it has one already."""
    if not is_unlisted(entity_id):
        return ""
    name = name_of(entity_id)
    ticker = name.removeprefix("$") if name.startswith("$") else ""
    line = io.StringIO()
    row = (id_from(name), ticker or name, "", ticker)
    csv.writer(line, lineterminator="").writerow(row)
    return line.getvalue()


def offer(entity_id: str) -> str:
    """What the history says of it; empty for a company of the list."""
    if not is_unlisted(entity_id):
        return ""
    return "; not on the watch list: the console watches it from the alert's page, and so does `yuqing watchlist add`"
