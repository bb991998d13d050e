"""The system page: lag, pace, what could not be read, which model speaks, how the sources do."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from alerts.console.visit import TheVisit
from alerts.reading.system_state import system_state

__all__ = ["router"]

router = APIRouter()


@router.get("/system")
def system_page(visit: TheVisit) -> HTMLResponse:
    """All figures of one moment."""
    with visit.parts.reading() as connection:
        state = system_state(connection)
    return visit.page("system.html", state=state, pace=visit.parts.live.pace())
