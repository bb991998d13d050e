"""The product working off a backlog, timed: raw records first, then the roles, then a look at the books till all is in.

Starting up is left out: the rate is that of the steady part, from a tenth of the records accounted to all of them, the
last committed row included.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from figures import significant, steady_rate
from processes import Memory, Watched, cpu_seconds, sampled
from product import Product, Stack, installed

from stream.documents import RawDocument

__all__ = ["BacklogRun", "work_off"]

_LOOK_EVERY_S = 0.1
_PATIENCE_S = 180.0
"""Longest standstill: four roles take a while to load on a busy machine."""
_STEADY = 0.1


@dataclass(frozen=True)
class BacklogRun:
    """What one run gave: the rate, what was seen of memory, and further figures for the report."""

    docs_per_s: float
    seen: list[tuple[float, int]]
    """(seconds, records in the books), at each look that saw news."""
    memory: Memory
    services: frozenset[str]
    """Which names in `memory` are services; the others are our own processes."""
    told: dict[str, Any]

    def peak_mb(self) -> dict[str, Any]:
        """The peak of each process, and their sums, our own and the services' apart."""
        peaks = self.memory.peak_mb()
        return {
            "own": round(sum(peak for name, peak in peaks.items() if name not in self.services), 1),
            "with_services": round(sum(peaks.values()), 1),
            "processes": peaks,
        }


def work_off(
    stack: Stack, folder: Path, documents: Iterable[RawDocument], count: int, *, memory_every_s: float = 0.5
) -> BacklogRun:
    """Publishes `count` documents to a new installation, runs it until all are in its books, and removes it.

    Raises TimeoutError where three minutes pass without a record.
    """
    with installed(stack, folder) as product:
        empty = product.bytes_kept(stack)
        began = time.perf_counter()
        product.publish(documents)
        published_s = time.perf_counter() - began
        services = stack.processes()

        def everyone() -> Mapping[str, Watched]:
            return {**product.roles(), **services}

        with (
            psycopg.connect(product.database_url, autocommit=True) as session,
            product.running(),
            sampled(everyone, every_s=memory_every_s) as memory,
        ):
            seen = _until(product, session, _STEADY * count)
            before = cpu_seconds(everyone())
            seen += _until(product, session, count)
            spent = cpu_seconds(everyone())
            told = _told(product)
        full = product.bytes_kept(stack)
    steady = count - next(done for _, done in seen if done >= _STEADY * count)
    cpu = {name: round((spent[name] - before.get(name, 0.0)) / max(steady, 1) * 1e6) for name in sorted(spent)}
    told |= {
        "documents": count,
        "published_per_s": significant(count / published_s),
        "cpu_us_per_document": cpu,
        "bytes_kept_per_document": {name: round((full[name] - empty[name]) / count) for name in full},
        "cores_busy": significant(sum(cpu.values()) / 1e6 * steady_rate(seen, count, after=_STEADY)),
    }
    return BacklogRun(steady_rate(seen, count, after=_STEADY), seen, memory, frozenset(services), told)


def _until(product: Product, session: psycopg.Connection[Any], wanted: float) -> list[tuple[float, int]]:
    """Looks at the books until so many records are accounted: (seconds, records) of each look that saw news."""
    seen: list[tuple[float, int]] = []
    moved = time.monotonic()
    while not seen or seen[-1][1] < wanted:
        done, now = product.accounted(session), time.monotonic()
        if not seen or done > seen[-1][1]:
            seen.append((now, done))
            moved = now
        elif now - moved > _PATIENCE_S:
            raise TimeoutError(f"nothing was booked for {_PATIENCE_S:g} s; {done} records are in the books")
        time.sleep(_LOOK_EVERY_S)
    return seen


def _told(product: Product) -> dict[str, Any]:
    """What the scorer measured of its own work."""
    real, padded = (product.metric("scorer", "yuqing_batch_tokens_total", kind=kind) for kind in ("real", "padded"))
    return {
        "token_efficiency": round(real / padded, 3) if padded else None,
        "tokens_computed": round(padded),
        "texts_answered_from_memory": round(product.metric("scorer", "yuqing_repeated_texts_total")),
    }
