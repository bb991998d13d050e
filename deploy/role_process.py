"""The frame around a role: logs, metrics, signals, and a note in the state folder of which process runs it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import structlog

from deploy.lifeline import hold_lifeline, stop_on_signals
from deploy.logs import configure_logs
from deploy.metrics import serve_metrics
from deploy.roles import RUN_ROLE
from deploy.services import open_services, prepare
from deploy.settings import Settings

__all__ = ["RunningRole", "noted", "run_role", "running_roles"]

_log = structlog.get_logger()


@dataclass(frozen=True)
class RunningRole:
    """A process that runs a role, or the supervisor of all. `started` is in seconds since 1970."""

    role: str
    pid: int
    started: float


def run_role(role: str, settings: Settings, *, supervised: bool = False) -> None:
    """Runs one role in this process until a signal, or the end of its supervisor, stops it.

    Under a supervisor the services are there and prepared. Raises the errors of the room that the role lives in.
    """
    configure_logs(format=settings.logs.format, level=settings.logs.level, role=role)
    stop = threading.Event()
    stop_on_signals(stop)
    if supervised:
        hold_lifeline(stop)
    with open_services(settings) as services, noted(role, settings.state_folder):
        serve_metrics(role, host=settings.metrics.host, port_base=settings.metrics.port_base)
        if supervised or prepare(settings, services, stop):
            RUN_ROLE[role](settings, services, stop)


@contextmanager
def noted(role: str, state_folder: Path) -> Iterator[None]:
    """Notes in the state folder that this process runs `role`, for as long as the block runs."""
    process = psutil.Process()
    note = state_folder / "roles" / f"{role}-{os.getpid()}.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(asdict(RunningRole(role, process.pid, process.create_time()))))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def running_roles(state_folder: Path) -> list[RunningRole]:
    """The living processes that noted a role; the notes of dead ones are removed."""
    alive = []
    for note in sorted((state_folder / "roles").glob("*.json")):
        try:
            role = RunningRole(**json.loads(note.read_text()))
            if abs(psutil.Process(role.pid).create_time() - role.started) < 5:
                alive.append(role)
                continue
        except (OSError, ValueError, TypeError, OverflowError, RecursionError, psutil.NoSuchProcess):
            pass
        note.unlink(missing_ok=True)
    return alive
