"""One replay undisturbed, one with faults, and the disturbed one's documents booked again: what differs?"""

from __future__ import annotations

import gzip
import random
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from book_copy import BookCopy
from comparison import differences
from fault_kinds import Fault, Scene
from fault_report import report
from fault_run import Struck, strike_all
from fault_schedule import fault_schedule
from gated_feed import GatedFeed, sliced
from installation_under_test import ALONE, InstallationUnderTest, installation_under_test
from service_stack import ServiceStack, service_stack
from undisturbed_books import book_again

__all__ = ["Say", "disturbed_replay", "news"]

_PATIENCE_S = 1800
_SCRIPTED, _REFUSED = 100, 0.2
"""Of so many webhook requests, and of no more than there are faults, the receiver refuses this share: a webhook that is
refused four times waits for five minutes."""

Say = Callable[[str], None]


def _silent(_: str) -> None:
    """For tests."""


def disturbed_replay(
    lines: Sequence[str], folder: Path, *, seed: int, faults: int, brokers: int, quick: bool, say: Say = _silent
) -> dict[str, Any]:
    """Replays the lines undisturbed, then with faults, books its documents again, and tells what differs.

    With several brokers the last one is killed for good half way. The answer is that of `fault_report.report`.
    """
    say(f"seed {seed}: {faults} faults over {len(lines)} lines, {brokers} broker(s)")
    slices = sliced(lines, folder / "feed", faults + 1)
    with service_stack(folder / "stack", brokers=brokers) as stack:
        began = time.monotonic()
        undisturbed = _undisturbed(stack, folder / "undisturbed", slices, quick)
        seconds = {"undisturbed": time.monotonic() - began}
        say(f"undisturbed: {len(undisturbed.documents)} documents in {seconds['undisturbed']:.0f} s")
        draw = random.Random(seed)
        answers = tuple(500 if draw.random() < _REFUSED else 204 for _ in range(min(_SCRIPTED, faults)))
        loses = stack.brokers[-1] if brokers > 1 else None
        schedule = fault_schedule(seed, faults, brokers=stack.brokers, loses=loses)
        with installation_under_test(stack, folder / "disturbed", quick=quick, answers=answers) as disturbed:
            began = time.monotonic()
            struck = _disturb(disturbed, folder, slices, schedule, say)
            seconds["disturbed"] = time.monotonic() - began
            say(f"disturbed: {seconds['disturbed']:.0f} s")
            with installation_under_test(stack, folder / "again", quick=quick) as again:
                book_again(disturbed.engine, again, _PATIENCE_S)
                found = differences(disturbed, undisturbed, BookCopy.of(again.engine))
            return report(
                seed=seed, struck=struck, disturbed=disturbed, found=found, undisturbed=undisturbed, seconds=seconds
            )


def _undisturbed(stack: ServiceStack, folder: Path, slices: Sequence[Path], quick: bool) -> BookCopy:
    with installation_under_test(stack, folder, quick=quick) as installation:
        with GatedFeed(stack.kafka, installation.topics, slices, folder / "feed") as feed:
            installation.open(ALONE)
            feed.finish(_PATIENCE_S)
        installation.settle(_PATIENCE_S)
        return BookCopy.of(installation.engine)


def _disturb(
    installation: InstallationUnderTest, folder: Path, slices: Sequence[Path], schedule: Sequence[Fault], say: Say
) -> list[Struck]:
    def told(number: int, struck: Struck) -> None:
        fault = struck.fault
        say(
            f"{number:4} of {len(schedule)} after {struck.at_s:6.1f} s, {struck.at_records:6} records booked: "
            f"{fault.kind} {fault.target}"
        )

    stack = installation.stack
    with GatedFeed(stack.kafka, installation.topics, slices, folder / "disturbed/feed") as feed:
        scene = Scene(stack, installation.workers, feed)
        installation.open()
        struck = strike_all(schedule, scene, booked=installation.accounted, told=told)
        feed.finish(_PATIENCE_S)
    installation.settle(_PATIENCE_S)
    installation.workers.close()
    return struck


def news(file: Path, documents: int | None) -> list[str]:
    """The lines of the file, or so many of them, and after every hundred one that is no document."""
    with gzip.open(file, "rt", encoding="utf-8") as kept:
        lines = list(islice(kept, documents))
    for place in range(len(lines) - len(lines) % 100, 0, -100):
        lines.insert(place, f"line {place} was cut off\n")
    return lines
