"""The setting of topics that are a grave risk: ids of the taxonomy, and no others."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from alerts.detection.grave_topics import GRAVE

__all__ = ["GRAVE", "RiskTopics"]


def _of_the_taxonomy(topics: tuple[str, ...]) -> tuple[str, ...]:
    from model.labels import TOPIC_IDS  # with it comes the model: only for those who set this

    if unknown := sorted(set(topics) - set(TOPIC_IDS)):
        raise ValueError(f"no topic is called {', '.join(unknown)}: take ids of model/labels.py, such as {GRAVE[0]}")
    return topics


RiskTopics = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_of_the_taxonomy)]
