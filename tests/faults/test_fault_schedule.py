"""A seed says which faults strike in which order; every kind is among them, and the lost broker is left in peace."""

from __future__ import annotations

from collections import Counter

import pytest
from fault_schedule import SHARES, fault_schedule
from hypothesis import given
from hypothesis import strategies as st

ONE = ("kafka",)
THREE = ("kafka-1", "kafka-2", "kafka-3")
seeds = st.integers(0, 2**32)


@given(seeds, st.integers(len(SHARES), 300))
def test_the_same_seed_strikes_in_the_same_order(seed: int, count: int) -> None:
    faults = fault_schedule(seed, count, brokers=ONE)
    assert len(faults) == count
    assert faults == fault_schedule(seed, count, brokers=ONE)


@given(seeds)
def test_two_hundred_faults_have_each_kind_by_its_share(seed: int) -> None:
    counted = Counter(fault.kind for fault in fault_schedule(seed, 200, brokers=ONE))
    redis = counted.pop("redis_crash", 0) + counted.pop("redis_restart", 0)
    expected = {kind: 2 * share for kind, share in SHARES.items()}
    assert abs(redis - expected.pop("redis_restart")) <= 1
    assert all(abs(counted[kind] - share) <= 1 for kind, share in expected.items()), counted


@given(seeds)
def test_a_broker_that_is_lost_half_way_is_not_struck_again(seed: int) -> None:
    faults = fault_schedule(seed, 60, brokers=THREE, loses="kafka-3")
    lost = [place for place, fault in enumerate(faults) if fault.kind == "broker_lost"]
    assert lost == [30]
    assert faults[30].target == "kafka-3"
    assert len(faults) == 60
    assert all(fault.target != "kafka-3" for fault in faults[31:])


def test_fewer_faults_than_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer"):
        fault_schedule(1, len(SHARES) - 1, brokers=ONE)
