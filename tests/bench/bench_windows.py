"""The windows stage beside Faust's own tumbling-window table, on the same records and broker: JSON on stdout.

Run it from the root: `python tests/bench/bench_windows.py [--documents 60000] [--rounds 3]`. It starts the embedded
stack, or uses the one that runs in `--state`, puts a backlog on `documents.scored` and lets two workers have it in
turn, each alone and in a process of its own: our stage, which commits documents, mentions, sums per company, topic and
minute, ledger and position to PostgreSQL and sets Redis; and a plain Faust app, which decodes the same record and
counts into a table per company and minute, in memory, with its changelog. Faust has the easier work and its defaults.
A rate is of the records between the first that are done and the last. Ratios are of the two runs of one round. CPU is
that of the worker and of each service meanwhile; where the stack is not our own the services' is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import psycopg

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from scored_backlog import PARTITIONS, publish  # noqa: E402

from deploy.embedded import EmbeddedStack, StackAddresses  # noqa: E402
from storage.connection import connect  # noqa: E402
from storage.schema import migrate  # noqa: E402
from stream.topics import Topics  # noqa: E402

__all__ = ["measure_windows"]

_SERVICES = {"postgres": "postgres", "java": "kafka", "redis-server": "redis"}


def measure_windows(
    addresses: StackAddresses, folder: Path, *, documents: int = 60_000, rounds: int = 3, batch_size: int = 2000
) -> dict[str, Any]:
    """Both workers in turn, `rounds` times, on one backlog; medians, and what each round gave.

    Raises AssertionError where a worker did not count every record once.
    """
    settings = {
        "kafka": addresses.kafka,
        "redis": addresses.redis_url,
        "prefix": f"bench{uuid4().hex[:8]}.",
        "folder": str(folder),
        "documents": documents,
        "partitions": PARTITIONS,
        "batch_size": batch_size,
    }
    mentions = publish(addresses.kafka, Topics.prefixed(settings["prefix"]), documents)
    turns = [
        {"windows": _windows(addresses, settings), "faust_table": _faust(settings, mentions)} for _ in range(rounds)
    ]
    ratios = [turn["windows"]["docs_per_s"] / turn["faust_table"]["docs_per_s"] for turn in turns]
    return {
        "windows_docs_per_s": round(statistics.median(turn["windows"]["docs_per_s"] for turn in turns)),
        "windows_vs_faust_table": round(statistics.median(ratios), 2),
        "windows_documents": documents,
        "windows_mentions": mentions,
        "windows_batch_size": batch_size,
        "windows_load_average": round(os.getloadavg()[0], 1),
        "windows_rounds": turns,
    }


def _windows(addresses: StackAddresses, settings: Mapping[str, Any]) -> dict[str, Any]:
    with _fresh_database(addresses.database_url) as url:
        told = _watched("windows", {**settings, "database": url})
        with psycopg.connect(url) as session:
            stored = session.execute("SELECT sum(stored) FROM ledger").fetchone()
            summed = session.execute(
                "SELECT sum(documents) FROM trend_counts WHERE entity_id = '*' AND topic = '*'"
            ).fetchone()
        assert stored == summed == (settings["documents"],), f"stored {stored}, counted {summed}"
    return told


def _faust(settings: Mapping[str, Any], mentions: int) -> dict[str, Any]:
    told = _watched("faust", settings)
    assert told.pop("counted") == mentions, "Faust's table does not hold every mention"
    return told


def _watched(contestant: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Lets a worker have the backlog; its rate, and the CPU that a document cost whom, in microseconds."""
    given = json.dumps({**settings, "name": f"{contestant}{uuid4().hex[:8]}"})
    worker = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("windows_worker.py")), contestant, given],
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert worker.stdout is not None
    told, spent = {}, {}
    with worker:
        for line in worker.stdout:
            event = json.loads(line)
            told[event["what"]], spent[event["what"]] = event, _spent(worker.pid)
    if worker.returncode or "last" not in told:
        raise RuntimeError(f"the {contestant} worker ended with {worker.returncode} before it had done all")
    records = told["last"]["done"] - told["first"]["done"]
    seconds = told["last"]["at"] - told["first"]["at"]
    cpu = {name: round((spent["last"][name] - spent["first"][name]) / records * 1e6) for name in spent["first"]}
    counted = {"counted": told["counted"]["done"]} if "counted" in told else {}
    return {"docs_per_s": round(records / seconds), "seconds": round(seconds, 2), "cpu_us_per_doc": cpu, **counted}


def _spent(worker: int) -> dict[str, float]:
    """CPU seconds so far of the worker, and of the services that are our children."""
    spent = {"worker": _cpu_s(psutil.Process(worker))}
    for process in psutil.Process().children(recursive=True):
        try:
            name = _SERVICES.get(process.name())
            if name is not None:
                spent[name] = spent.get(name, 0.0) + _cpu_s(process)
        except psutil.NoSuchProcess:
            continue
    return spent


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _fresh_database(server: str) -> Iterator[str]:
    name = f"bench{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}")
        url = server.rsplit("/", 1)[0] + f"/{name}"
        engine = connect(url)
        migrate(engine)
        engine.dispose()
        yield url
        session.execute(f"DROP DATABASE {name} WITH (FORCE)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=2000, help="the largest batch of our stage")
    parser.add_argument("--state", type=Path, help="the stack's folder; default: a temporary one")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, EmbeddedStack(chosen.state or Path(folder) / "stack") as addresses:
        result = measure_windows(
            addresses, Path(folder), documents=chosen.documents, rounds=chosen.rounds, batch_size=chosen.batch
        )
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
