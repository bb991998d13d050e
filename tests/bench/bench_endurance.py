"""Nine tenths of capacity for ten minutes: does memory grow, does the lag stay bounded? JSON on stdout.

`python tests/bench/bench_endurance.py [--short] [--rate 400]`, or `make bench-long`. Texts are synthetic, since a real
sample would have to repeat itself and identical texts are answered from memory; capacity is measured with such texts
first. Every five seconds the lag (records sent and not yet in the books) and each process's memory are noted. Growth
is the slope of a least-squares line, after a fifth of the time in which caches fill.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from bench_frame import Frame, alone, say
from bench_latency import capacity
from figures import growth_per_minute, percentiles, significant
from open_loop import Timetable, rows_watched
from processes import Memory, sampled
from product import Product, installed
from texts import synthetic

__all__ = ["measure"]

SHARE = 0.9
_SECONDS, _SHORT_SECONDS = 600, 45
_CAPACITY_DOCUMENTS, _SHORT_CAPACITY_DOCUMENTS = 10_000, 1_000
_LOOK_EVERY_S = 5.0
_WARM = 0.2
_PATIENCE_S = 120.0

Lags = list[tuple[float, float]]


def measure(frame: Frame) -> dict[str, Any]:
    """Lag, memory and its growth, and latencies at that pace."""
    most = _SHORT_CAPACITY_DOCUMENTS if frame.short else _CAPACITY_DOCUMENTS
    rate = frame.rate or SHARE * capacity(frame, most, real=False)
    count = frame.documents or round(rate * (_SHORT_SECONDS if frame.short else _SECONDS))
    say(f"{count:,} documents at {rate:.1f} a second")
    services = frame.stack.processes()
    with installed(frame.stack, frame.folder) as product, product.running():
        _awake(product)
        timetable = Timetable(product, rate)
        everyone = lambda: {**product.roles(), **services}  # noqa: E731
        with (
            rows_watched(timetable) as rows,
            sampled(everyone, every_s=_LOOK_EVERY_S) as memory,
            _lag_watched(product, timetable) as lags,
        ):
            timetable.run(synthetic(count, seed=13))
            ended = time.monotonic()
            while len(rows.seen) < count and time.monotonic() < ended + _PATIENCE_S:
                threading.Event().wait(0.1)
            drained_s = time.monotonic() - ended
    latencies = [(rows.seen[one] - at) * 1000 for one, at in timetable.meant.items() if one in rows.seen]
    return {
        "endurance": {
            "documents_per_s": significant(rate),
            "minutes": significant(count / rate / 60),
            "rows_not_seen": count - len(rows.seen),
            "drained_s": significant(drained_s),
            "row_latency_ms": percentiles(latencies),
            "lag_documents": {
                "most": max((lag for _, lag in lags), default=0),
                "growth_per_minute": significant(growth_per_minute(_warm(lags))),
            },
            **_memory(memory, frozenset(services)),
        }
    }


def _memory(memory: Memory, services: frozenset[str]) -> dict[str, Any]:
    own = [(at, sum(mb for name, mb in held.items() if name not in services)) for at, held in memory.seen]
    names = sorted({name for _, held in memory.seen for name in held})
    return {
        "own_mb": {"most": round(max(mb for _, mb in own), 1), "growth_per_minute": _growth(own)},
        "growth_mb_per_minute": {name: _growth(memory.series(name)) for name in names},
        "samples": [(round(at - own[0][0]), round(mb, 1)) for at, mb in own],
    }


def _growth(seen: Lags) -> float:
    return significant(growth_per_minute(_warm(seen)))


def _warm(seen: Lags) -> Lags:
    """What was seen after the first fifth of the time."""
    if not seen:
        return []
    begin = seen[0][0] + _WARM * (seen[-1][0] - seen[0][0])
    return [one for one in seen if one[0] >= begin]


def _awake(product: Product) -> None:
    """Returns when the roles have read, scored and booked something: the timetable is for a system that is up."""
    first = list(synthetic(50, seed=17))
    product.publish(first)
    with psycopg.connect(product.database_url, autocommit=True) as session:
        while product.accounted(session) < len(first):
            threading.Event().wait(0.1)


@contextmanager
def _lag_watched(product: Product, timetable: Timetable) -> Iterator[Lags]:
    """(seconds, documents sent and not in the books), every so often while the block runs."""
    lags: Lags = []
    stop = threading.Event()

    def watch() -> None:
        with psycopg.connect(product.database_url, autocommit=True) as session:
            before = product.accounted(session)
            while not stop.wait(_LOOK_EVERY_S):
                sent, done = len(timetable.meant), product.accounted(session) - before
                lags.append((time.monotonic(), float(max(sent - done, 0))))

    thread = threading.Thread(target=watch, name="lag", daemon=True)
    thread.start()
    try:
        yield lags
    finally:
        stop.set()
        thread.join()


if __name__ == "__main__":
    alone(measure, __doc__)
