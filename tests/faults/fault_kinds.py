"""The faults: what each does to a running installation, and how it heals. Each is one class with one method.

`strike` returns once the fault is healed, that is, once everything it touched runs again; what the product then has to
catch up with is the product's business.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol

from gated_feed import GatedFeed
from service_stack import ServiceStack
from worker_processes import WorkerProcesses

__all__ = [
    "CutConnections",
    "Fault",
    "FlushRedis",
    "KillWorker",
    "LoseBroker",
    "LoseService",
    "Rebalance",
    "RepeatSlice",
    "RestartService",
    "Scene",
    "StallConnections",
    "SuspendWorker",
]


@dataclass(frozen=True)
class Scene:
    """What faults work on. `hold` waits so many seconds: a fault lasts, and that is no wait for a condition."""

    stack: ServiceStack
    workers: WorkerProcesses
    feed: GatedFeed
    hold: Callable[[float], object] = field(default_factory=lambda: Event().wait)


class Fault(Protocol):
    """One fault. `target` is what it befalls: no two faults hold the same target at once."""

    @property
    def kind(self) -> str:
        """Its name in reports."""

    @property
    def target(self) -> str: ...

    def strike(self, scene: Scene) -> None: ...


@dataclass(frozen=True)
class KillWorker:
    """kill -9 of a worker; started again after `down_s`."""

    target: str
    down_s: float
    kind: str = "kill"

    def strike(self, scene: Scene) -> None:
        scene.workers.kill(self.target)
        scene.hold(self.down_s)
        scene.workers.start(self.target)


@dataclass(frozen=True)
class SuspendWorker:
    """SIGSTOP, as a machine that swaps or migrates: longer than a session's timeout, it wakes as a zombie."""

    target: str
    down_s: float
    kind: str = "suspend"

    def strike(self, scene: Scene) -> None:
        scene.workers.signal(self.target, signal.SIGSTOP)
        scene.hold(self.down_s)
        scene.workers.signal(self.target, signal.SIGCONT)


@dataclass(frozen=True)
class Rebalance:
    """Another worker joins the group, and leaves again: partitions go there and back."""

    target: str
    down_s: float
    kind: str = "rebalance"

    def strike(self, scene: Scene) -> None:
        guest = f"{self.target.partition('-')[0]}-guest"
        scene.workers.start(guest)
        scene.hold(self.down_s)
        scene.workers.leave(guest)


@dataclass(frozen=True)
class CutConnections:
    """Every connection to a service is reset; new ones are welcome at once."""

    target: str
    down_s: float = 0.0
    kind: str = "cut"

    def strike(self, scene: Scene) -> None:
        scene.stack.proxies[self.target].cut()


@dataclass(frozen=True)
class StallConnections:
    """Nothing passes to or from a service for a while, and nobody is told."""

    target: str
    down_s: float
    kind: str = "stall"

    def strike(self, scene: Scene) -> None:
        scene.stack.proxies[self.target].stall()
        scene.hold(self.down_s)
        scene.stack.proxies[self.target].flow()


@dataclass(frozen=True)
class LoseService:
    """A service cannot be reached for a while: connections are reset, and new ones too."""

    target: str
    down_s: float
    kind: str = "unreachable"

    def strike(self, scene: Scene) -> None:
        scene.stack.proxies[self.target].leave()
        scene.hold(self.down_s)
        scene.stack.proxies[self.target].return_()


@dataclass(frozen=True)
class RestartService:
    """A service is restarted, asked to end politely, or with kill -9 where `hard`."""

    target: str
    down_s: float
    hard: bool = False

    @property
    def kind(self) -> str:
        return f"{self.target.partition('-')[0]}_{'crash' if self.hard else 'restart'}"

    def strike(self, scene: Scene) -> None:
        if self.hard:
            scene.stack.kill(self.target)
        else:
            scene.stack.stop(self.target)
        scene.hold(self.down_s)
        scene.stack.start(self.target)


@dataclass(frozen=True)
class LoseBroker:
    """A broker of several is killed for good."""

    target: str
    down_s: float = 0.0
    kind: str = "broker_lost"

    def strike(self, scene: Scene) -> None:
        scene.stack.kill(self.target, for_good=True)


@dataclass(frozen=True)
class FlushRedis:
    """Redis forgets everything."""

    target: str = "redis"
    down_s: float = 0.0
    kind: str = "flush"

    def strike(self, scene: Scene) -> None:
        scene.stack.flush()


@dataclass(frozen=True)
class RepeatSlice:
    """The source forgets how far it was, and sends its last slice again."""

    target: str = "feed"
    down_s: float = 0.0
    kind: str = "repeat"

    def strike(self, scene: Scene) -> None:
        scene.feed.repeat()
