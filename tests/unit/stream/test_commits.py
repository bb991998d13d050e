"""Records finish out of order; what is committed never passes one that has not finished."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from stream.commits import InWork


def test_a_commit_stops_before_the_first_record_in_work() -> None:
    work = InWork()
    for offset in (5, 6, 7):
        work.began("raw", 0, offset)
    work.done("raw", 0, 6)
    assert work.committable() == {("raw", 0): 5}
    work.done("raw", 0, 5)
    assert work.committable() == {("raw", 0): 7}
    work.done("raw", 0, 7)
    assert work.committable() == {("raw", 0): 8}
    assert work.unfinished() == 0


def test_partitions_do_not_hold_each_other_back() -> None:
    work = InWork()
    work.began("raw", 0, 1)
    work.began("raw", 1, 9)
    work.done("raw", 1, 9)
    assert work.committable() == {("raw", 0): 1, ("raw", 1): 10}


def test_a_forgotten_partition_is_not_committed_even_when_its_records_finish_later() -> None:
    work = InWork()
    work.began("raw", 0, 1)
    work.forget([("raw", 0)])
    work.done("raw", 0, 1)
    assert work.committable() == {}


def test_waiting_ends_when_the_last_record_of_these_partitions_is_done() -> None:
    work = InWork()
    work.began("raw", 0, 1)
    work.began("raw", 1, 1)
    finisher = threading.Thread(target=work.done, args=("raw", 0, 1))
    finisher.start()
    assert work.wait_finished([("raw", 0)], timeout_s=10)
    finisher.join()
    assert not work.wait_finished([("raw", 1)], timeout_s=0.001)


@given(order=st.permutations(range(12)), upto=st.integers(0, 12))
def test_all_before_the_committed_offset_is_done_and_it_is_the_largest_such(order: list[int], upto: int) -> None:
    work = InWork()
    for offset in range(12):
        work.began("raw", 0, offset)
    for offset in order[:upto]:
        work.done("raw", 0, offset)
    unfinished = set(range(12)) - set(order[:upto])
    assert work.committable() == {("raw", 0): min(unfinished, default=12)}
