"""What befalls the scorer's engine, as a metric and a line in the log."""

from __future__ import annotations

import structlog

from deploy.metrics import ENGINE_EVENTS
from model.engine_events import EngineEvent

__all__ = ["count_event"]

_log = structlog.get_logger()


def count_event(event: EngineEvent) -> None:
    """Counts and logs a GPU whose memory ran out, or that was lost: scoring goes on either way, but slower."""
    ENGINE_EVENTS.labels(event.kind).inc()
    _log.warning("engine_" + event.kind, engine=event.engine, detail=event.detail)
