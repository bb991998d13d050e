"""Decides what each record of a batch does to the books, and takes out of them what no longer counts.

Two steps of `storage/ingest.py`. A batch without a revision, and that is nearly every one, pays for a look at its
records and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor

from storage import document_rows, rescored_sums, version_rows, withdrawals
from storage.records import Retraction, ScoredDocument
from storage.version_rows import Change
from storage.versions import Course, Known, Outcome, is_revision
from storage.withdrawals import Counted

__all__ = ["Settled", "settle", "withdraw"]

Record = ScoredDocument | Retraction


@dataclass(frozen=True)
class Settled:
    """What a batch does. `outcomes` in the order of its records; the rest is to be done."""

    outcomes: tuple[Outcome, ...]
    added: tuple[ScoredDocument, ...]
    """Documents that count from now on."""
    leaving: dict[UUID, datetime]
    """Stored documents that count no longer, and when they were published."""
    passed: tuple[ScoredDocument, ...] = ()
    """Documents that entered and left within the batch."""
    changes: tuple[Change, ...] = ()


def settle(cursor: Cursor[Any], records: Sequence[Record]) -> Settled:
    """Enters the ids, locks those that are revised, and says what becomes of each record."""
    if not records:
        return Settled((), (), {})
    firsts = {record.document_id: record for record in reversed(records)}
    claimed = document_rows.claim(cursor, list(firsts.values()))
    revised = {record.document_id for record in records if is_revision(record)}
    known = version_rows.lock(cursor, revised - claimed) if revised else {}
    courses = {document_id: Course(known.get(document_id)) for document_id in revised}
    outcomes: list[Outcome] = []
    added: list[ScoredDocument] = []
    for record in records:
        course = courses.get(record.document_id)
        if course is not None:
            outcomes.append(course.take(record))
        elif record.document_id in claimed and firsts[record.document_id] is record:
            outcomes.append("stored")
            added.append(record)  # type: ignore[arg-type]  # a takedown has a course
        else:
            outcomes.append("repeated")
    if not courses:
        return Settled(tuple(outcomes), tuple(added), {})
    return _with_courses(outcomes, added, courses, known, firsts)


def withdraw(cursor: Cursor[Any], settled: Settled, *, now: datetime) -> list[ScoredDocument]:
    """Takes out what no longer counts and puts it on record; writes the versions in force. Returns what had counted."""
    leaving = withdrawals.take_out(cursor, settled.leaving)
    rescored_sums.take_out(cursor, [one.document for one in leaving], now=now)
    passed = [Counted(document, now) for document in settled.passed]
    if leaving or passed:
        withdrawals.keep(cursor, [*leaving, *passed], now=now)
    if settled.changes:
        version_rows.update(cursor, settled.changes, now=now)
    return [one.document for one in leaving]


def _with_courses(
    outcomes: list[Outcome],
    added: list[ScoredDocument],
    courses: dict[UUID, Course],
    known: dict[UUID, Known],
    firsts: dict[UUID, Record],
) -> Settled:
    leaving, passed, changes = {}, [], []
    for document_id, course in sorted(courses.items()):
        before = known.get(document_id)
        if course.takes_out_stored and before is not None:
            leaving[document_id] = before.published_at
        passed += course.passed
        if course.latest is not None:
            added.append(course.latest)
        if course.version is not None and (before is None or course.version != before.version):
            at = course.latest or before or firsts[document_id]
            changes.append(Change(document_id, course.version, at.published_at, course.counting))
    return Settled(tuple(outcomes), tuple(added), leaving, tuple(passed), tuple(changes))
