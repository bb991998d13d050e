"""By what an alert is known to matchers: whom it is about, in which groups and topics, how grave, and found how."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.answers.matchers import Labels
from alerts.detection.lifecycle import Episode

__all__ = ["labels_of"]


def labels_of(episode: Episode, *, name: str, groups: Sequence[str], topics: Sequence[str]) -> Labels:
    """`name` and `groups` are the watch list's; `topics` those of the documents behind it."""
    return {
        "alert": (str(episode.alert_id),),
        "entity": (episode.entity_id,),
        "name": (name,),
        "group": groups,
        "topic": topics,
        "detector": (episode.detector,),
        "severity": (episode.severity,),
    }
