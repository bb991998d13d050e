"""Twenty faults over a made-up month of news, in random order: nothing is lost, doubled, miscounted, or left untold.

The long form, two hundred faults over a year of real news, is `make faults`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from disturbed_replay import disturbed_replay
from fault_report import summary
from made_up_news import made_up_news

SEED = 11
FAULTS = 20


@pytest.mark.faults
def test_whatever_fails_the_books_and_the_alerts_are_those_of_a_calm_day(tmp_path: Path) -> None:
    told = disturbed_replay(made_up_news(2000), tmp_path, seed=SEED, faults=FAULTS, brokers=1, quick=True, say=print)

    assert told["passed"], summary(told)
    assert told["audit_clean"]
    assert told["trends_equal"]
    assert told["alerts_equal"]
    assert told["deliveries"]["complete"]
    assert told["faults"] == FAULTS
    assert told["alerts"] >= 5, "a run without alerts proves nothing about them"
