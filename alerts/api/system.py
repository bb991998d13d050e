"""`/system`: how far the stream is, what could not be read, which model speaks."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from alerts.api.access import Reader
from alerts.api.etags import TaggedRoute
from alerts.api.parts import TheParts
from alerts.reading.system_state import SystemState, system_state

__all__ = ["router"]

router = APIRouter(prefix="/system", tags=["system"], route_class=TaggedRoute)


class SystemOut(BaseModel):
    """The state, and the pace of this moment."""

    state: SystemState
    documents_per_second: float | None = Field(description="Over the last five minutes; null just after a start.")


@router.get("")
def get_system(parts: TheParts, _: Reader) -> SystemOut:
    """How the system is."""
    with parts.reading() as connection:
        state = system_state(connection)
    return SystemOut(state=state, documents_per_second=parts.live.pace())
