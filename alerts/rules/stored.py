"""What counts for a rule, read from documents and mentions as a transaction sees them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, cast

from sqlalchemy import BigInteger, Connection, Select, any_, case, func, literal, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import Text

from alerts.detection.detectors import Finding
from alerts.detection.evidence import MOST_DOCUMENTS, Evidence, assembled
from alerts.detection.series import time_of
from alerts.rules.rule import Rule
from alerts.rules.tally import Row, Tally
from storage.records import ANY_ENTITY
from storage.tables import documents, entities, mentions

__all__ = ["LEAD_CHARS", "StoredDocuments"]

LEAD_CHARS: Final = 1000
"""So much of a document's body is its lead: what a rule reads beside the title."""

_AT_ONCE: Final = 2000
"""Documents held at a time while their texts are read."""

_NEW: Final = documents.c.novelty == "new"


class StoredDocuments:
    """The documents in the database, of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def watched(self, rule: Rule) -> frozenset[str] | None:
        """The ids that a rule looks at, as the watch list has it now; None for every company."""
        if not rule.entities and not rule.groups:
            return None
        query = select(entities.c.entity_id).where(entities.c.groups.overlap(list(rule.groups)))
        grouped = self._connection.execute(query).scalars() if rule.groups else ()
        return frozenset(rule.entities) | frozenset(grouped)

    def tallies(self, rule: Rule, about: Sequence[str], since: int, until: int) -> dict[str, Tally]:
        """What counts of each entity in the minutes `since` to `until`; absent where nothing does."""
        found: dict[str, list[Row]] = defaultdict(list)
        for part in _parts(about):
            for entity_id, row in self._rows(rule, part, since, until):
                if rule.times.hold(row[0]):
                    found[entity_id].append(row)
        return {entity_id: Tally.of(rows) for entity_id, rows in found.items()}

    def evidence(self, rule: Rule, entity_id: str, finding: Finding) -> Evidence:
        """The documents behind a finding, most novel and most negative first."""
        whose = documents if entity_id == ANY_ENTITY else mentions
        query = _counted(rule, [entity_id], finding.bucket - finding.horizon_min + 1, finding.bucket).add_columns(
            documents.c.document_id,
            documents.c.title,
            documents.c.url,
            documents.c.source,
            documents.c.published_at,
            documents.c.novelty,
            whose.c.score_micro,
            _lead(rule),
        )
        order = (~_NEW, whose.c.score_micro, documents.c.published_at, documents.c.document_id)
        rows = (row for row in self._stream(query.order_by(*order)) if _read(rule, row) and rule.times.hold(row.minute))
        return assembled(finding, list(islice(rows, MOST_DOCUMENTS)))

    def _rows(self, rule: Rule, about: Sequence[str], since: int, until: int) -> Iterator[tuple[str, Row]]:
        """Sums of minutes, added up in the database; where texts must be read, document by document."""
        whose = documents if about[0] == ANY_ENTITY else mentions
        negative = whose.c.sentiment == "negative"
        query = _counted(rule, about, since, until)
        if rule.reads_text:
            score: ColumnElement[Any] = whose.c.score_micro
            query = query.add_columns(literal(1), *map(_one, (_NEW, negative, negative & _NEW)), score)
            query = query.add_columns(documents.c.title, _lead(rule))
        else:
            sums = (func.count().filter(each) for each in (_NEW, negative, negative & _NEW))
            query = query.add_columns(func.count(), *sums, func.sum(whose.c.score_micro))
            query = query.group_by(*query.selected_columns[:2])
        for row in self._stream(query):
            if _read(rule, row):
                yield row[0], cast(Row, tuple(map(int, row[1:7])))

    def _stream(self, query: Select[Any]) -> Iterator[Any]:
        """Rows as they come, so that an hour of a whole market is never held at once; closed when nobody reads on."""
        with self._connection.execute(query.execution_options(yield_per=_AT_ONCE)) as rows:
            yield from rows


def _parts(about: Sequence[str]) -> Iterator[Sequence[str]]:
    """The companies, whose mentions are counted, and all documents together, which are counted themselves."""
    companies = [entity_id for entity_id in about if entity_id != ANY_ENTITY]
    if companies:
        yield companies
    if len(companies) < len(about):
        yield [ANY_ENTITY]


def _counted(rule: Rule, about: Sequence[str], since: int, until: int) -> Select[Any]:
    """(entity_id, minute) of what counts for a rule, but for its text and hours; all documents for ANY_ENTITY."""
    all_of_it = about[0] == ANY_ENTITY
    at = documents.c.published_at
    minute = sql_cast(func.floor(func.date_part("epoch", at) / 60), BigInteger).label("minute")
    entity_id = literal(ANY_ENTITY) if all_of_it else mentions.c.entity_id
    query = select(entity_id.label("entity_id"), minute).select_from(documents)
    begin, end = time_of(since), time_of(until + 1)
    if not all_of_it:
        same = (mentions.c.document_id == documents.c.document_id) & (mentions.c.published_at == at)
        within = (mentions.c.published_at >= begin) & (mentions.c.published_at < end)
        named = mentions.c.entity_id == any_(literal(list(about), ARRAY(Text)))
        query = query.join(mentions, same).where(named, within)
    query = query.where(at >= begin, at < end)
    if rule.topics:
        query = query.where(documents.c.topics.overlap(list(rule.topics)))
    if rule.sources:
        query = query.where(documents.c.source.in_(rule.sources))
    return query


def _lead(rule: Rule) -> ColumnElement[str]:
    """What a rule reads beside the title; nothing is fetched for one that reads no text."""
    return (func.left(documents.c.body, LEAD_CHARS) if rule.reads_text else literal("")).label("lead")


def _read(rule: Rule, row: Any) -> bool:
    return not rule.reads_text or rule.finds(row.title, row.lead)


def _one(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)
