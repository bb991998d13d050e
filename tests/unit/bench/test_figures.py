"""How the benches make figures of what they saw."""

from __future__ import annotations

import pytest
from figures import by_turns, growth_per_minute, percentiles, ratio, steady_rate
from hypothesis import given
from hypothesis import strategies as st


def test_the_rate_is_that_of_what_follows_the_first_tenth() -> None:
    # Starting took 30 s; then 90 of 100 came within 9 s.
    seen = [(0.0, 0), (30.0, 10), (33.0, 40), (39.0, 100)]
    assert steady_rate(seen, 100) == pytest.approx(10.0)


def test_a_rate_needs_two_looks() -> None:
    with pytest.raises(ValueError, match="between two looks"):
        steady_rate([(0.0, 0), (1.0, 100)], 100)


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(2, 40))
def test_growth_is_the_slope_of_a_line(start: float, per_minute: float, looks: int) -> None:
    line = [(5.0 * number, start + per_minute * 5.0 * number / 60) for number in range(looks)]
    assert growth_per_minute(line) == pytest.approx(per_minute, abs=1e-6)


def test_nothing_grows_in_one_look() -> None:
    assert growth_per_minute([(0.0, 7.0)]) == 0.0


def test_percentiles_say_how_many_they_are_of() -> None:
    assert percentiles([float(number) for number in range(101)]) == {
        "p50": 50.0,
        "p95": 95.0,
        "p99": 99.0,
        "count": 101,
    }
    assert percentiles([]) == {"count": 0}


def test_every_contestant_runs_once_a_round_and_the_order_turns() -> None:
    ran: list[str] = []

    def contestant(name: str, rate: float) -> float:
        ran.append(name)
        return rate

    found = by_turns({"a": lambda: contestant("a", 2.0), "b": lambda: contestant("b", 1.0)}, rounds=2)
    assert ran == ["a", "b", "b", "a"]
    assert found == {"a": [2.0, 2.0], "b": [1.0, 1.0]}


def test_a_ratio_is_the_median_of_those_of_each_round() -> None:
    # Only the second round was disturbed, for both alike: their ratio of that round stays.
    assert ratio([100.0, 10.0, 90.0], [50.0, 5.0, 30.0]) == 2.0
