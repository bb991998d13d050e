"""What befalls an engine while it runs, for whoever keeps metrics: this room has none of its own."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

EventKind = Literal["out_of_memory", "device_lost"]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something that cost speed and no answer.

    `out_of_memory`: a batch did not fit the device and was cut; `device_lost`: from here on the CPU answers.
    """

    kind: EventKind
    engine: str
    detail: str


OnEvent = Callable[[EngineEvent], None]


def log_event(event: EngineEvent) -> None:
    """What is done with events where nobody else asked for them."""
    log.warning("%s: %s: %s", event.engine, event.kind.replace("_", " "), event.detail)
