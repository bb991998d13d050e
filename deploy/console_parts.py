"""The console role's parts, built from settings: pools, limits, the live feed, and the server of API and console."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from deploy.alert_parts import endpoints_of
from deploy.errors import RoleError
from deploy.sections import Console
from deploy.services import Services
from deploy.settings import Settings
from deploy.threads import Part

if TYPE_CHECKING:
    from alerts.api.parts import Parts

__all__ = ["console_parts", "listen"]

Clock = Callable[[], datetime]


@contextmanager
def console_parts(settings: Settings, services: Services, clock: Clock) -> Iterator[Mapping[str, Part]]:
    """The server and the live feed. Raises RoleError where the port is taken."""
    from alerts.api.serving import serve
    from alerts.console.app import console_app

    with listen(settings.console) as listening, _api_parts(settings, services, clock) as parts:
        app = console_app(parts, https=settings.console.https)
        proxies = [str(each) for each in settings.console.proxies]
        yield {"live": parts.live.run, "server": partial(serve, app, listening, proxies=proxies)}


def listen(console: Console) -> socket.socket:
    """The socket that the console answers on; a port of 0 takes a free one. Raises RoleError where it is taken."""
    try:
        return socket.create_server((console.host, console.port), backlog=128)
    except OSError as error:
        raise RoleError(
            f"The console cannot listen on {console.host}:{console.port}: {error.strerror}.",
            fix="end what listens there, or choose another port in [console]; 0 takes a free one.",
        ) from error


@contextmanager
def _api_parts(settings: Settings, services: Services, clock: Clock) -> Iterator[Parts]:
    from alerts.api.limits import Limits
    from alerts.api.parts import Parts
    from alerts.desk import Desk
    from alerts.detection.baselines import Baseline
    from alerts.live import Live
    from deploy.watch_lists import lists_of
    from deploy.watch_matching import FollowedLists
    from storage.connection import connect

    given = settings.console
    timeout_s = given.statement_timeout_s
    reader = connect(services.database_url, pool_size=given.pool, statement_timeout_s=timeout_s, read_only=True)
    writer = connect(services.database_url, pool_size=2, statement_timeout_s=timeout_s)
    bell = connect(services.database_url, pool_size=1)
    try:
        yield Parts(
            reader=reader,
            writer=writer,
            clock=clock,
            limits=Limits(per_minute=given.requests_per_minute),
            live=Live(bell, clock=clock),
            desk=Desk(writer, endpoints_of(settings), clock),
            baseline=Baseline(history_days=settings.alerts.history_days, half_life_days=settings.alerts.half_life_days),
            lists=FollowedLists(lists_of(settings)),
        )
    finally:
        for engine in (reader, writer, bell):
            engine.dispose()
