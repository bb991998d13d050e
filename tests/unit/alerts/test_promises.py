"""The way between a promised rate and the evidence it asks for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detection.promises import VOLUME_SURGE, Promise
from alerts.errors import WrongSettingError

MEASURED = Promise(evidence=(1.0, 2.0, 4.0), rates=(10.0, 1.0, 0.01))


def test_at_what_was_measured_it_says_what_was_measured() -> None:
    np.testing.assert_allclose(MEASURED.rate(np.array([1.0, 2.0, 4.0])), [10, 1, 0.01])
    np.testing.assert_allclose([MEASURED.threshold(rate) for rate in (10, 1, 0.01)], [1, 2, 4])


def test_between_and_beyond_the_logarithm_is_a_line() -> None:
    np.testing.assert_allclose(MEASURED.rate(np.array([0.0, 3.0, 5.0])), [100, 0.1, 0.001])


@given(st.floats(1e-4, 30))
def test_the_threshold_of_a_rate_has_this_rate(rate: float) -> None:
    assert VOLUME_SURGE.rate(np.array([VOLUME_SURGE.threshold(rate)]))[0] == pytest.approx(rate)


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_makes_no_sense_is_refused(rate: float) -> None:
    with pytest.raises(WrongSettingError, match="give a number above 0"):
        MEASURED.threshold(rate)
