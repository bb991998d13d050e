"""What works beside the documents rests in proportion, and a rest ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.rests import rest_s


@pytest.mark.parametrize(
    ("worked_s", "rest"),
    [
        pytest.param(0.02, 0.08, id="what comes now and then is not felt"),
        pytest.param(0.5, 2.0, id="in a flood more is done together"),
        pytest.param(60.0, 5.0, id="a rest ends"),
        pytest.param(-3600.0, 0.0, id="a clock that was set back"),
    ],
)
def test_it_rests_four_times_as_long_as_it_worked(worked_s: float, rest: float) -> None:
    assert rest_s(timedelta(seconds=worked_s), times=4) == pytest.approx(rest)
