"""All measurements of one run, merged: `make bench`, or `python tests/bench/bench_all.py [--short] [--only NAME ...]`.

Writes bench.json and bench.md below build/ after each measurement, so that an interrupted run leaves what it has.
Progress goes to stderr; stdout gets the Markdown, or with --json the JSON. Exit code 1 where a measurement failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench_frame import ROOT, Frame, Measure, arguments, interruptible, opened, say
from machine import machine
from report import markdown

__all__ = ["MEASUREMENTS"]

_WINDOWS_DOCUMENTS, _WINDOWS_ROUNDS = (60_000, 10_000), (3, 1)
"""In full, and in short."""


def engine(frame: Frame) -> dict[str, Any]:
    """See `bench_engine`. Imports are late, so that one measurement does not load what another needs."""
    from bench_engine import measure

    return measure(frame)


def pipeline(frame: Frame) -> dict[str, Any]:
    """See `bench_pipeline`."""
    from bench_pipeline import measure

    return measure(frame)


def latency(frame: Frame) -> dict[str, Any]:
    """See `bench_latency`."""
    from bench_latency import measure

    return measure(frame)


def windows(frame: Frame) -> dict[str, Any]:
    """See `bench_windows`."""
    from bench_windows import measure_windows

    folder = frame.folder / "windows"
    folder.mkdir(parents=True, exist_ok=True)
    return measure_windows(
        frame.stack.addresses,
        folder,
        documents=_WINDOWS_DOCUMENTS[frame.short],
        rounds=frame.rounds or _WINDOWS_ROUNDS[frame.short],
    )


MEASUREMENTS: Mapping[str, Measure] = {
    "engine": engine,
    "pipeline": pipeline,
    "latency": latency,
    "windows": windows,
}
"""In the order in which they run: latency takes its pace from the pipeline."""


def main() -> int:
    """Runs what is asked for; returns the exit code."""
    given = _arguments()
    result: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "short": given.short,
        "machine": machine(),
    }
    failed: dict[str, str] = {}
    with opened(given) as frame:
        for name in given.only or MEASUREMENTS:
            say(f"{name} ...")
            began = time.monotonic()
            try:
                result |= MEASUREMENTS[name](frame)
            except Exception as error:  # the others are worth having all the same
                traceback.print_exc()
                failed[name] = f"{type(error).__name__}: {error}"
            frame.measured.update(result)
            say(f"{name} took {time.monotonic() - began:.0f} s")
            _write(given.out, result | ({"failed": failed} if failed else {}) | _services(frame, result))
    print(json.dumps(result, indent=2) if given.json else markdown(result))
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", choices=list(MEASUREMENTS), help="these measurements alone")
    parser.add_argument("--json", action="store_true", help="JSON on stdout in place of Markdown")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="where bench.json and bench.md go")
    return parser.parse_args()


def _services(frame: Frame, result: dict[str, Any]) -> dict[str, Any]:
    """The machine's description, once the services run with their versions."""
    if "stack" in frame.__dict__:
        result["machine"]["versions"] |= frame.services.versions()
    return {"machine": result["machine"]}


def _write(folder: Path, result: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (folder / "bench.md").write_text(markdown(result), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(interruptible(main))
