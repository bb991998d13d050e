"""`make mutants`: how many small faults in ingest, watermarks and audit the tests notice; exit code 1 below 85 %.

mutmut (the section `tool.mutmut` of pyproject.toml says of which files) puts one fault at a time into a function, a sum
turned round or a bound moved by one, and runs the tests that pass through it. PostgreSQL, Redis and Kafka are started
once, in memory where there is some, and every run shares them (`YUQING_TEST_STACK`, see tests/conftest.py).

What it does not do: it changes no SQL, since that stands in constants outside functions, and of two workers at once or
a kill in between it tries nothing: other tests do (docs/reliability.md).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg

from deploy.embedded import EmbeddedStack, StackAddresses

ROOT = Path(__file__).parents[2]
LEAST = 0.85
_KILLED, _SURVIVED, _UNTESTED = (1, 3), (0,), (5, 33)
_TOO_LONG = (24, -24, 36, 152, 255)
"""What mutmut notes as exit codes of a mutant's test run; a fault that makes tests run for ever is noticed, too."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the mutants that were not run yet, and reports on all."""
    parser = argparse.ArgumentParser(description="Run mutmut on ingest, watermarks and audit.")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="forget the mutants that ran before")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "mutants.json")
    parser.add_argument("names", nargs="*", help="of these mutants only, such as 'storage.ledger*'")
    options = parser.parse_args(arguments)
    if options.fresh:
        shutil.rmtree(ROOT / "mutants", ignore_errors=True)
    with _services() as addresses:
        environment = {**os.environ, "YUQING_TEST_STACK": json.dumps(asdict(addresses))}
        command = [Path(sys.executable).with_name("mutmut"), "run", "--max-children", str(options.workers)]
        ran = subprocess.run([*command, *options.names], cwd=ROOT, env=environment, check=False)
    report = report_of(ROOT / "mutants")
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    _tell(report)
    return 0 if ran.returncode == 0 and report["not_run"] == 0 and report["score"] >= LEAST else 1


def report_of(folder: Path) -> dict[str, Any]:
    """What mutmut noted in its folder: counts in all and by file, and the names of those that survived.

    `score` is killed / (killed + survived + without a test); what did not run is in none of them, and named apart.
    """
    by_file: dict[str, dict[str, Any]] = {}
    for notes in sorted(folder.rglob("*.meta")):
        codes: dict[str, int | None] = json.loads(notes.read_text())["exit_code_by_key"]
        if codes:
            file = str(notes.relative_to(folder)).removesuffix(".meta")
            by_file[file] = {**_counted(codes), "survivors": sorted(n for n, c in codes.items() if c in _SURVIVED)}
    whole = Counter[str]()
    for counts in by_file.values():
        whole.update({name: number for name, number in counts.items() if isinstance(number, int)})
    return {**whole, "score": _score(whole), "by_file": by_file}


def _counted(codes: dict[str, int | None]) -> dict[str, Any]:
    counts = {
        "total": len(codes),
        "killed": sum(code in _KILLED + _TOO_LONG for code in codes.values()),
        "survived": sum(code in _SURVIVED for code in codes.values()),
        "untested": sum(code in _UNTESTED for code in codes.values()),
    }
    counts["not_run"] = counts["total"] - counts["killed"] - counts["survived"] - counts["untested"]
    return {**counts, "score": _score(counts)}


def _score(counts: dict[str, int] | Counter[str]) -> float:
    judged = counts["killed"] + counts["survived"] + counts["untested"]
    return round(counts["killed"] / judged, 4) if judged else 0.0


@contextmanager
def _services() -> Iterator[StackAddresses]:
    """Services that need not outlive a power cut: each mutant makes databases by the dozen."""
    memory = Path("/dev/shm")
    folder = Path(mkdtemp(prefix="yuqing-mutants-", dir=memory if memory.is_dir() else None))
    services = EmbeddedStack(folder / "stack")
    try:
        with services as addresses:
            with psycopg.connect(addresses.database_url, autocommit=True) as session:
                for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                    session.execute(f"alter system set {setting} = off")
                session.execute("select pg_reload_conf()")
            yield addresses
        services.remove()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tell(report: dict[str, Any]) -> None:
    for file, counts in report["by_file"].items():
        print(f"{file:32} {counts['killed']:5} of {counts['total']:5}  {counts['score']:.1%}")
    figures = f"{report['killed']} of {report['total']} mutants killed, {report['survived']} survived"
    print(f"{figures}, {report['untested']} without a test, {report['not_run']} not run: {report['score']:.1%}")


if __name__ == "__main__":
    sys.exit(main())
