"""One process tree: a child for each role, started again when it dies, stopped in the order of the flow.

Children have sessions of their own, so that Ctrl-C in a terminal reaches only the supervisor, which then lets each
role finish its batch before the next one stops. Their standard input is a pipe that the supervisor holds open: when
it is gone, even by kill -9, they read the end of it and stop as well (see `lifeline`).
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from time import monotonic

import structlog

__all__ = ["Child", "Spawn", "Supervisor", "spawn_role"]

_log = structlog.get_logger()

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0
_STEADY_S = 60.0
"""A role that ran this long before it died is started again at once."""
_LOOK_EVERY_S = 0.1
_WRONG_USE = 2

Spawn = Callable[[Sequence[str], Mapping[str, str]], "subprocess.Popen[bytes]"]


def spawn_role(argv: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Starts a role with a lifeline to this process as its standard input."""
    return subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True, env=dict(environment))


@dataclass
class Child:
    """A role and the process it has at the moment, if any."""

    role: str
    argv: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    deaths: int = field(default=0)


class Supervisor:
    """Keeps `commands` (role: command line, in the order of the flow) running.

    `grace_s` is how long a role may take to finish its batch before it is killed. `seconds` counts seconds from
    anywhere.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        environment: Mapping[str, str],
        *,
        grace_s: float = 60.0,
        spawn: Spawn = spawn_role,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self.children = [Child(role, argv) for role, argv in commands.items()]
        self._environment = environment
        self._grace_s = grace_s
        self._spawn = spawn
        self._seconds = seconds

    def run(self, stop: Event, force: Event) -> int:
        """Runs until `stop`, then stops every role; `force` kills what is left. Returns the exit code.

        A role that ends with exit code 2 was called wrongly and would end so for ever: then everything stops.
        """
        code = 0
        try:
            while not stop.is_set() and code == 0:
                code = self.look()
                stop.wait(_LOOK_EVERY_S)
        finally:
            self.stop(force)
        return code

    def look(self) -> int:
        """Starts what should run and does not; returns 2 when a role says that it was called wrongly, else 0."""
        for child in self.children:
            if child.process is not None and (code := child.process.poll()) is not None:
                if code == _WRONG_USE:
                    _log.error("role_called_wrongly", role=child.role)
                    return code
                self._bury(child, code)
            if child.process is None and self._seconds() >= child.start_again_at:
                child.process = self._spawn(child.argv, self._environment)
                child.started_at = self._seconds()
                _log.info("role_started", role=child.role, pid=child.process.pid)
        return 0

    def stop(self, force: Event) -> None:
        """Stops the roles one after the other, in the order of the flow."""
        _log.info("stopping", hint="each role finishes its batch; a second Ctrl-C does not wait for it")
        for child in self.children:
            if child.process is None or child.process.poll() is not None:
                continue
            child.process.send_signal(signal.SIGTERM)
            deadline = self._seconds() + self._grace_s
            while child.process.poll() is None and not force.is_set() and self._seconds() < deadline:
                force.wait(0.02)
            if child.process.poll() is None:
                _log.warning("role_killed", role=child.role, forced=force.is_set())
                child.process.kill()
            _log.info("role_stopped", role=child.role, exit_code=child.process.wait())

    def _bury(self, child: Child, code: int) -> None:
        now = self._seconds()
        child.deaths = 1 if now - child.started_at >= _STEADY_S else child.deaths + 1
        delay = 0.0 if child.deaths == 1 else min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** (child.deaths - 2))
        child.start_again_at = now + delay
        if child.process is not None and child.process.stdin is not None:
            child.process.stdin.close()
        child.process = None
        _log.error("role_died", role=child.role, exit_code=code, deaths=child.deaths, again_in_s=delay)
