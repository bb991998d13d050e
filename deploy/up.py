"""`yuqing up`: the embedded stack where one is wanted, and every role under one supervisor."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from deploy.errors import RoleError, UsageError
from deploy.lifeline import stop_on_signals
from deploy.logs import configure_logs
from deploy.role_process import noted, running_roles
from deploy.services import Services, open_services, prepare
from deploy.settings import Settings
from deploy.supervisor import Supervisor

__all__ = ["child_environment", "running_system", "up"]

_log = structlog.get_logger()
_SUPERVISOR = "supervisor"


def up(settings: Settings, roles: Sequence[str], *, config: Path | None = None, fresh: bool = False) -> int:
    """Runs `roles` until a signal comes; a second one does not wait for batches. Returns the exit code.

    Raises UsageError when another supervisor runs on this state folder, and the errors of services and schema.
    """
    configure_logs(format=settings.logs.format, level=settings.logs.level, role=_SUPERVISOR)
    stop, force = threading.Event(), threading.Event()
    stop_on_signals(stop, force)
    with (
        open_services(settings, fresh=fresh, watch=True) as services,
        _supervised(settings, roles, config, services, stop) as supervisor,
    ):
        if supervisor is None:
            return 0
        _log.info("up", roles=list(roles), state_folder=str(settings.state_folder))
        return supervisor.run(stop, force)


@contextmanager
def running_system(
    settings: Settings, roles: Sequence[str], *, config: Path | None = None, fresh: bool = False
) -> Iterator[Services]:
    """The same for the duration of a block: services are up and `roles` run; all of it stops gracefully after."""
    stop, force = threading.Event(), threading.Event()
    with (
        open_services(settings, fresh=fresh, watch=True) as services,
        _supervised(settings, roles, config, services, stop) as supervisor,
    ):
        if supervisor is None:  # only where somebody sets stop, and here nobody does
            raise RoleError("The roles were told to stop before they started.")
        thread = threading.Thread(target=supervisor.run, args=(stop, force), name=_SUPERVISOR)
        thread.start()
        try:
            yield services
        finally:
            stop.set()
            thread.join()


@contextmanager
def _supervised(
    settings: Settings, roles: Sequence[str], config: Path | None, services: Services, stop: threading.Event
) -> Iterator[Supervisor | None]:
    """A supervisor for services that run; None where `stop` was set while we waited for them."""
    for other in running_roles(settings.state_folder):
        if other.role == _SUPERVISOR and other.pid != os.getpid():
            raise UsageError(
                f"Yuqing is already up on {settings.state_folder}, as process {other.pid}.",
                fix="stop it first, or choose another state folder with --state.",
            )
    with noted(_SUPERVISOR, settings.state_folder):
        if not prepare(settings, services, stop):
            yield None
            return
        yield Supervisor(
            {role: [sys.executable, "-m", "deploy", "up", "--role", role, "--supervised"] for role in roles},
            child_environment(settings, services, config, os.environ),
        )


def child_environment(
    settings: Settings, services: Services, config: Path | None, environment: Mapping[str, str]
) -> dict[str, str]:
    """What a role's process is told: where the services are, and what flags changed; the rest it reads as we did."""
    told = {
        **services.environment(),
        "YUQING_STATE_FOLDER": str(settings.state_folder),
        "YUQING_INTAKE__WATCHLISTS": json.dumps([str(path) for path in settings.intake.watchlists]),
    }
    if config is not None:
        told["YUQING_CONFIG"] = str(config)
    # url_file beside url would be refused, and the URL is already read from it.
    kept = {name: value for name, value in environment.items() if not name.upper().endswith("__URL_FILE")}
    return {**kept, **told}
