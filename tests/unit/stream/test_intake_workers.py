"""Intake in other processes answers as intake in this one does, whatever a record does to a process."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from storage.records import Retraction
from stream.entities import EntityLinker
from stream.errors import Unreadable
from stream.intake import Intake, RawRecord, Read
from stream.intake_workers import IntakeWorkers
from stream.limits import Limits
from stream.watchlist import Entity

LETHAL = b"lethal"


class Fragile(Intake):
    """Sends its process astray on one record, and has a defect that shows on another."""

    def read(self, record: RawRecord) -> Read | Retraction:
        if record.value == LETHAL:
            os.kill(os.getpid(), signal.SIGKILL)
        if record.value == b"defect":
            raise KeyError("no such thing")
        return super().read(record)


def intake() -> Fragile:
    return Fragile(EntityLinker([Entity(entity_id="QUAY.US", name="Quayside Bank")]), Limits())


@pytest.fixture(scope="module")
def workers() -> Iterator[IntakeWorkers]:
    with IntakeWorkers(intake, 2) as made:
        yield made


def records(*values: bytes) -> list[RawRecord]:
    arrived = datetime(2026, 1, 10, tzinfo=UTC)
    return [
        RawRecord(topic="documents.raw", partition=0, offset=n, key=None, value=value, arrived_at=arrived)
        for n, value in enumerate(values)
    ]


def titled(count: int) -> list[bytes]:
    return [json.dumps({"source": "wire", "title": f"Quayside Bank opens branch {n}"}).encode() for n in range(count)]


def test_they_answer_in_order_what_intake_here_answers(workers: IntakeWorkers) -> None:
    takedown = b'{"source": "wire", "guid": "a", "retracted": true}'
    given = records(*titled(39), takedown, b"not json", b'{"source": "wire", "title": "<p></p>"}')
    here, there = intake().read_all(given), workers.read_all(given)
    assert there[:40] == here[:40]
    assert isinstance(there[39], Retraction)
    reasons = [(one.reason, one.detail) for one in there[40:] if isinstance(one, Unreadable)]
    assert reasons == [(one.reason, one.detail) for one in here[40:] if isinstance(one, Unreadable)]
    assert len(reasons) == 2


def test_a_defect_comes_back_with_its_name(workers: IntakeWorkers) -> None:
    good, bad = workers.read_all(records(*titled(1), b"defect"))
    assert isinstance(good, Read)
    assert isinstance(bad, Exception)
    assert "KeyError" in str(bad)


def test_a_record_that_kills_its_process_is_given_up_alone(workers: IntakeWorkers) -> None:
    found = workers.read_all(records(*titled(9), LETHAL, *titled(9)))
    assert [isinstance(one, Read) for one in found] == [True] * 9 + [False] + [True] * 9
    assert all(isinstance(one, Read) for one in workers.read_all(records(*titled(3))))


def test_nothing_to_read_is_no_work(workers: IntakeWorkers) -> None:
    assert workers.read_all([]) == []


def test_a_pool_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="processes"):
        IntakeWorkers(intake, 0)
