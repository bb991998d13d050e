"""What every measurement is given, and how one runs alone: the services, a folder, how much to do."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any

from machine import machine
from product import Stack

from deploy.embedded import EmbeddedStack
from deploy.logs import configure_logs

__all__ = ["ROOT", "Frame", "Measure", "alone", "arguments", "interruptible", "opened", "say"]

ROOT = Path(__file__).parents[2]
_STATE = ROOT / "build" / "bench-state"
_INTERRUPTED = 130


@dataclass(frozen=True)
class Frame:
    """`folder` is for whatever a measurement writes; 0 of `documents`, `rounds` or `rate` is its own choice.

    `stack` starts with the first measurement that asks for it. `measured` holds what others of this run have found.
    """

    folder: Path
    short: bool = False
    documents: int = 0
    rounds: int = 0
    rate: float = 0.0
    measured: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def services(self) -> EmbeddedStack:
        """The embedded services, not started."""
        return EmbeddedStack(self.folder / "stack")

    @cached_property
    def stack(self) -> Stack:
        """The embedded services, running."""
        say("starting Kafka, PostgreSQL and Redis")
        return Stack(self.services.start(), self.services.folder)


Measure = Callable[[Frame], dict[str, Any]]


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The flags that every measurement has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="little of everything: whether it works, not how quick")
    parser.add_argument("--documents", type=int, default=0, help="how many, in place of the measurement's own choice")
    parser.add_argument("--rounds", type=int, default=0, help="how many, in place of the measurement's own choice")
    parser.add_argument("--rate", type=float, default=0.0, help="documents a second of an open loop, likewise")
    parser.add_argument(
        "--state", type=Path, default=_STATE, help="the folder of the services, emptied before and after"
    )
    return parser


@contextmanager
def opened(given: argparse.Namespace) -> Iterator[Frame]:
    """A frame with an empty folder. However the block ends, by Ctrl-C too, services are stopped and the folder goes."""
    configure_logs(format="text", level="warning", role="bench")
    frame = Frame(given.state.resolve(), given.short, given.documents, given.rounds, given.rate)
    frame.services.remove()  # what a killed run left behind
    try:
        yield frame
    finally:
        frame.services.remove()
        shutil.rmtree(frame.folder, ignore_errors=True)


def alone(measure: Measure, description: str | None) -> None:
    """The command line of one measurement."""
    parser = arguments(description)
    parser.add_argument("--out", type=Path, help="a file for the JSON, beside stdout")
    given = parser.parse_args()

    def run() -> int:
        with opened(given) as frame:
            result = {"machine": machine(), "short": given.short, **measure(frame)}
        told = json.dumps(result, indent=2)
        print(told)
        if given.out:
            given.out.parent.mkdir(parents=True, exist_ok=True)
            given.out.write_text(told + "\n", encoding="utf-8")
        return 0

    sys.exit(interruptible(run))


def say(line: str) -> None:
    """Progress, on stderr."""
    print(f"bench: {line}", file=sys.stderr, flush=True)


def interruptible(run: Callable[[], int]) -> int:
    """Runs it and returns its exit code, or 130 where SIGINT or SIGTERM ended it.

    The first of them unwinds the program; later ones do not disturb the cleaning up.
    """

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    try:
        return run()
    except KeyboardInterrupt:
        say("interrupted; all is stopped")
        return _INTERRUPTED
