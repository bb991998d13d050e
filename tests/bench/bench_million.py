"""A backlog of a million documents: does memory stay flat to the end, and the rate? JSON on stdout.

`python tests/bench/bench_million.py [--documents 1000000] [--short]`, or `make bench-million`. The documents are
synthetic, all different, of the lengths of real ones, and are published before the roles start. Memory is compared
between the first and the last quarter of the records, as the mean of what was seen in each.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

from backlog_run import BacklogRun, work_off
from bench_frame import Frame, alone, say
from figures import significant
from texts import published, synthetic

__all__ = ["measure"]

_DOCUMENTS, _SHORT_DOCUMENTS = 1_000_000, 3_000
_LOOK_EVERY_S, _SHORT_LOOK_EVERY_S = 5.0, 0.5


def measure(frame: Frame) -> dict[str, Any]:
    """The rate of the whole, of its first and last quarter, and memory in both."""
    count = frame.documents or (_SHORT_DOCUMENTS if frame.short else _DOCUMENTS)
    say(f"a backlog of {count:,} documents")
    began = time.monotonic()
    run = work_off(
        frame.stack,
        frame.folder,
        published(synthetic(count, seed=19), count, datetime.now(UTC)),
        count,
        memory_every_s=_SHORT_LOOK_EVERY_S if frame.short else _LOOK_EVERY_S,
    )
    first, last = _between(run, 0.1, 0.35), _between(run, 0.75, 1.0)
    names = [name for name in sorted(first) if name in last]
    own = [name for name in names if name not in run.services]
    return {
        "backlog": {
            "documents": count,
            "docs_per_s": significant(run.docs_per_s),
            "docs_per_s_by_quarter": [significant(_rate(run.seen, at / 4, (at + 1) / 4)) for at in range(4)],
            "minutes_in_all": significant((time.monotonic() - began) / 60),
            "own_mb": {
                "early": round(sum(first[name] for name in own), 1),
                "last_quarter": round(sum(last[name] for name in own), 1),
            },
            "mb_by_process": {name: {"early": first[name], "last_quarter": last[name]} for name in names},
            "peak_mb": run.peak_mb(),
            **{name: run.told[name] for name in ("token_efficiency", "cpu_us_per_document", "published_per_s")},
        }
    }


def _between(run: BacklogRun, begin: float, end: float) -> dict[str, float]:
    """The mean memory of each process, in MB, while these shares of the records came into the books."""
    since, until = _moment(run.seen, begin), _moment(run.seen, end)
    held = [at_once for at, at_once in run.memory.seen if since <= at <= until]
    names = {name for at_once in held for name in at_once}
    return {name: round(fmean(one[name] for one in held if name in one), 1) for name in names}


def _rate(seen: Sequence[tuple[float, int]], begin: float, end: float) -> float:
    (since, first), (until, last) = (_look(seen, share) for share in (begin, end))
    return (last - first) / max(until - since, 1e-9)


def _moment(seen: Sequence[tuple[float, int]], share: float) -> float:
    return _look(seen, share)[0]


def _look(seen: Sequence[tuple[float, int]], share: float) -> tuple[float, int]:
    """The first look that saw at least this share of the records, and at least one record."""
    return next(look for look in seen if look[1] >= max(share * seen[-1][1], 1))


if __name__ == "__main__":
    alone(measure, __doc__)
