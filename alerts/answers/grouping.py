"""Grouping: one story that hits twelve banks is one notification with twelve names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from alerts.answers.standing import Standing
from alerts.answers.transition_rows import Taken
from alerts.detection.thresholds import rank

__all__ = ["News", "together"]


@dataclass(frozen=True)
class News:
    """A step that the outside hears of, and the alert as it stands after it."""

    taken: Taken
    standing: Standing

    @property
    def event(self) -> str:
        return self.taken.step.event


def together(news: Sequence[News], *, all_of_it: bool = False) -> list[list[News]]:
    """Parts of what is told at once: alerts that share a document, directly or through others, are one part.

    Only the same event by the same actor is told together; `all_of_it` asks for nothing more. The gravest comes first
    in its part, parts are in the order of their first.
    """
    parent: dict[object, object] = {}

    def root(thing: object) -> object:
        while parent.setdefault(thing, thing) != thing:
            parent[thing] = parent[parent[thing]]
            thing = parent[thing]
        return thing

    for each in news:
        kind = (each.event, each.taken.actor)
        documents = [document.document_id for document in each.standing.evidence.documents]
        for shared in [""] if all_of_it else documents:
            parent[root((kind, shared))] = root((kind, each.standing.alert_id))
    parts: dict[object, list[News]] = defaultdict(list)
    for each in news:
        parts[root(((each.event, each.taken.actor), each.standing.alert_id))].append(each)
    return [sorted(part, key=_gravest_first) for part in parts.values()]


def _gravest_first(news: News) -> tuple[int, float, UUID]:
    episode = news.standing.episode
    return (-rank(episode.severity), episode.peak.p_value, episode.alert_id)
