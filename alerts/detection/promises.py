"""How often calm brings evidence as strong, and from there to the evidence that a promised rate asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alerts.detection.regular import Floats
from alerts.errors import WrongSettingError

__all__ = [
    "FIRST_BAD_NEWS",
    "MARKET_SURGE",
    "MEAN_SHIFT",
    "NEGATIVE_SURGE",
    "RISK_EVENT",
    "SHARE_SHIFT",
    "VOLUME_ALARM",
    "VOLUME_SURGE",
    "Promise",
]


@dataclass(frozen=True)
class Promise:
    """Measured on simulated calm: `rates` alarms an entity and month (30 days) at `evidence`, both ascending steps.

    Between and beyond the measured points the logarithm of the rate is a straight line in the evidence.
    """

    evidence: tuple[float, ...]
    rates: tuple[float, ...]

    def rate(self, evidence: Floats) -> Floats:
        """False alarms an entity and month of an alarm at each evidence; any shape."""
        return 10.0 ** self._line(np.asarray(evidence, dtype=np.float64), self.evidence, np.log10(self.rates))

    def threshold(self, false_alarms_a_month: float) -> float:
        """The evidence that calm reaches so often. Raises WrongSettingError where the rate is not positive."""
        if not false_alarms_a_month > 0:
            raise WrongSettingError("false_alarms_a_month", false_alarms_a_month, "give a number above 0, such as 0.1")
        falling = np.log10(self.rates)[::-1], np.array(self.evidence)[::-1]
        return float(self._line(np.log10([false_alarms_a_month]), *falling)[0])

    @staticmethod
    def _line(at: Floats, xs: Floats | tuple[float, ...], ys: Floats) -> Floats:
        xs = np.asarray(xs)
        piece = np.clip(np.searchsorted(xs, at) - 1, 0, xs.size - 2)
        slope = (ys[piece + 1] - ys[piece]) / (xs[piece + 1] - xs[piece])
        return ys[piece] + slope * (at - xs[piece])


VOLUME_SURGE = Promise(evidence=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), rates=(5.63, 1.82, 0.477, 0.114, 0.0287, 0.0062))
"""Of VolumeSurge with its defaults; docs/decisions/0022 says how it was measured."""

VOLUME_ALARM = Promise(
    evidence=(2.0, 2.5, 3.0, 3.25, 3.5, 3.75, 4.0, 4.5, 5.0),
    rates=(1.51, 0.762, 0.267, 0.139, 0.0742, 0.0391, 0.0219, 0.0068, 0.0031),
)
"""Of VolumeAlarm with its defaults: the evidence is -log10 of the least probability over its horizons."""

NEGATIVE_SURGE = Promise(
    evidence=(0.0, 0.523, 1.0, 1.523, 2.0, 2.523, 3.0, 3.523),
    rates=(0.369, 0.260, 0.167, 0.0850, 0.0430, 0.0174, 0.0082, 0.0033),
)
"""Of NegativeSurge with its defaults: the evidence is -log10 of the nominal rate an entity and month."""

FIRST_BAD_NEWS = Promise(
    evidence=(0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5),
    rates=(0.288, 0.148, 0.0571, 0.0226, 0.0098, 0.0039, 0.0016, 0.0008),
)
"""Of FirstBadNews with its defaults, of the same evidence."""

RISK_EVENT = Promise(
    evidence=(0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.25, 3.5, 4.0, 4.5),
    rates=(0.0979, 0.0676, 0.0459, 0.0247, 0.021, 0.0203, 0.0201, 0.0036, 0.001, 0.0001),
)
"""Of RiskEvent with its defaults: three stories in a hundred bad ones are of a grave risk."""

SHARE_SHIFT = Promise(
    evidence=(0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0), rates=(0.0819, 0.064, 0.0447, 0.0221, 0.0112, 0.0057, 0.0031)
)
"""Of ShareShift with its defaults, of the same evidence as NegativeSurge."""

MEAN_SHIFT = Promise(
    evidence=(0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0), rates=(0.0856, 0.0626, 0.0382, 0.0163, 0.0067, 0.0032, 0.0014)
)
"""Of MeanShift with its defaults, of the same evidence."""

MARKET_SURGE = Promise(evidence=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), rates=(4.31, 1.47, 0.368, 0.076, 0.0147, 0.0035))
"""Of MarketSurge with its defaults, of its evidence as well."""
