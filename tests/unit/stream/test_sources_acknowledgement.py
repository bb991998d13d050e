"""A batch is acknowledged when its last record is, and refused when any is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_doubles import NOON
from structlog.testing import capture_logs

from stream.documents import RawDocument, document_id
from stream.publisher import PublishError, QueueFullError
from stream.sources.acknowledgement import BrokerWatch, polling, send_all
from stream.sources.memory import MemorySink


def document(number: int) -> RawDocument:
    return RawDocument(source="Harbour Post", guid=str(number), title=f"Ferry {number}", fetched_at=NOON)


def test_a_batch_is_done_when_the_broker_has_all_of_it() -> None:
    sink = MemorySink()
    future = send_all(sink, [document(1), document(2)])
    assert not future.done()
    sink.poll()
    assert future.result(timeout=0) is None
    assert sink.documents() == [document(1), document(2)]
    assert sink.records[0].key == str(document_id(document(1))).encode()


def test_an_empty_batch_is_done_at_once() -> None:
    assert send_all(MemorySink(), []).done()


@given(st.sets(st.integers(0, 9)))
def test_one_refusal_refuses_the_batch_and_never_before_the_last_record_is_settled(refused: set[int]) -> None:
    sink = MemorySink()
    keys = {str(document_id(document(number))).encode() for number in refused}
    sink.refuses = lambda key: key in keys
    future = send_all(sink, [document(number) for number in range(10)])
    sink.poll()
    assert future.done()
    assert (future.exception() is None) == (not refused)
    assert len(sink.records) == 10 - len(refused)


def test_a_batch_that_nobody_waits_for_any_more_is_no_error() -> None:
    sink = MemorySink()
    future = send_all(sink, [document(1)])
    future.cancel()
    sink.poll()
    assert len(sink.records) == 1


def test_a_full_queue_is_said_at_once() -> None:
    sink = MemorySink(room=1)
    sink.away = True
    with pytest.raises(QueueFullError):
        send_all(sink, [document(1), document(2)])


def test_acknowledgements_come_by_themselves_while_polling() -> None:
    sink = MemorySink()
    with polling(sink):
        assert send_all(sink, [document(1)]).result(timeout=10) is None


def test_an_absence_is_said_once_and_so_is_the_return() -> None:
    watch = BrokerWatch("wire")
    with capture_logs() as logs:
        for _ in range(3):
            watch.lost(PublishError("gone"))
        for _ in range(3):
            watch.back()
    assert [entry["event"] for entry in logs] == ["broker_unreachable", "broker_reachable"]
    assert logs[0]["source"] == "wire"
