"""Strikes with faults while a stream runs: paced by the stream's progress, so that all of them land in mid-stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from eventually import eventually
from fault_kinds import Fault, Scene

__all__ = ["Struck", "strike_all"]

_AT_ONCE = 3
_AHEAD = 6
_PATIENCE_S = 600


@dataclass
class Struck:
    """A fault that was struck: when, with how many records in the books, and how long it took to heal."""

    fault: Fault
    at_s: float
    at_records: int
    healed_s: float = 0.0

    def told(self) -> dict[str, Any]:
        """For the report."""
        fault = {"kind": self.fault.kind, **asdict(self.fault)}  # type: ignore[call-overload]
        return {
            **fault,
            "at_s": round(self.at_s, 1),
            "healed_s": round(self.healed_s, 1),
            "at_records": self.at_records,
        }


@dataclass
class _Strikes:
    scene: Scene
    began: float
    under_way: dict[str, Future[None]] = field(default_factory=dict)
    done: list[Struck] = field(default_factory=list)

    def free(self, target: str) -> bool:
        """Whether nothing befalls this target now, and fewer than `_AT_ONCE` faults are under way."""
        self.under_way = {name: future for name, future in self.under_way.items() if not future.done()}
        return target not in self.under_way and len(self.under_way) < _AT_ONCE

    def failures(self) -> list[BaseException]:
        """What faults raised, which is the harness's failure, not the product's."""
        ended = [future.exception() for future in self.under_way.values() if future.done()]
        return [failure for failure in ended if failure is not None]

    def begin(self, pool: ThreadPoolExecutor, fault: Fault, records: int) -> Struck:
        struck = Struck(fault, time.monotonic() - self.began, records)
        self.done.append(struck)

        def work() -> None:
            fault.strike(self.scene)
            struck.healed_s = time.monotonic() - self.began - struck.at_s

        self.under_way[fault.target] = pool.submit(work)
        return struck


def strike_all(
    faults: Sequence[Fault], scene: Scene, *, booked: Callable[[], int], told: Callable[[int, Struck], None]
) -> list[Struck]:
    """Strikes with fault k once as much as k slices of the feed is booked, while more are on their way.

    The feed must have one slice more than there are faults. It runs some slices ahead, so that partitions which wait
    for a new owner do not hold up the next fault. Up to three faults are under way at once, on different targets.
    `booked` says how many records have an outcome (it may raise while the database is down), `told` is called as each
    fault begins. Returns when all have healed. Raises what a fault raised, and AssertionError where the stream stands
    still for ten minutes.
    """
    strikes = _Strikes(scene, time.monotonic())
    marks = [scene.feed.release() for _ in range(min(_AHEAD, len(faults) + 1))]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fault") as pool:
        for number, fault in enumerate(faults, 1):
            mark = marks[number - 1]

            def due(mark: int = mark, fault: Fault = fault) -> int | None:
                scene.workers.revive()
                if strikes.failures():
                    return mark
                count = booked()
                return count if count >= mark and strikes.free(fault.target) else None

            count = eventually(due, _PATIENCE_S, every_s=0.1, what=f"{mark} records booked before {fault}")
            assert count is not None
            for failure in strikes.failures():
                raise failure
            told(number, strikes.begin(pool, fault, count))
            if len(marks) <= len(faults):
                marks.append(scene.feed.release())
        for future in strikes.under_way.values():
            future.result(_PATIENCE_S)
    return strikes.done
