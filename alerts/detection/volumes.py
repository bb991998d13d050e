"""Which detectors count all that is said, whatever its tone."""

from __future__ import annotations

from typing import Final

from alerts.detection.unlisted_volume import UnlistedVolume
from alerts.detection.volume_alarm import VolumeAlarm

__all__ = ["OF_VOLUME"]

OF_VOLUME: Final = frozenset((VolumeAlarm.name, UnlistedVolume.name))
"""Their alerts are about stories of any tone: so their evidence is told, and so their pages."""
