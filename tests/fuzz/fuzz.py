"""`make fuzz`: every parser, a million inputs, into build/fuzz.json; exit code 1 where one was not survived.

python tests/fuzz/fuzz.py --inputs 1000000 --seed 1
python tests/fuzz/fuzz.py --again build/fuzz/feeds-1-4711.bin
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attempt import Failure, attempt, bound_this_process
from campaign import Campaign, sources_digest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from target import Target

ROOT = Path(__file__).parents[2]


def load() -> Mapping[str, Target]:
    """The targets, imported in the process that tries them."""
    from targets import TARGETS

    return TARGETS


def main(arguments: list[str] | None = None) -> int:
    """Runs a campaign, or one input again."""
    options = _options(arguments)
    if options.again:
        return _once_more(options.again)
    kept = options.out.parent / "fuzz" / f"seed-{options.seed}.json"
    earlier = _earlier(kept, options)
    campaign = Campaign(
        load, inputs=options.inputs, seed=options.seed, folder=kept.parent, workers=options.workers, begin_with=earlier
    )
    done = f", {earlier['inputs']:,} of them done" if earlier else ""
    parsers = len(campaign.report["targets"])
    print(f"seed {options.seed}: {options.inputs:,} inputs for {parsers} parsers{done}", file=sys.stderr)
    with _bar(options.inputs) as show:

        def note(report: dict[str, Any]) -> None:
            kept.write_text(json.dumps(report, indent=1))
            show(report)

        report = campaign.run(note)
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    _tell(report)
    return 1 if report["failures"] else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Feed every parser with inputs made to hurt.")
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "fuzz.json")
    parser.add_argument("--fresh", action="store_true", help="begin anew instead of going on")
    parser.add_argument("--again", type=Path, help="one saved input")
    return parser.parse_args(arguments)


def _earlier(kept: Path, options: argparse.Namespace) -> dict[str, Any] | None:
    """The unfinished campaign of this seed, where it was about this code."""
    if options.fresh or not kept.exists():
        return None
    report: dict[str, Any] = json.loads(kept.read_text())
    same = (report["digest"], report["wanted"]) == (sources_digest(), options.inputs)
    return report if same and report["inputs"] < options.inputs else None


def _once_more(file: Path) -> int:
    target = load()[file.name.split("-")[0]]
    bound_this_process()
    verdict = attempt(target, file.read_bytes())
    print(f"{verdict.error}\n  at {verdict.where}" if isinstance(verdict, Failure) else "survived")
    return 1 if isinstance(verdict, Failure) else 0


@contextmanager
def _bar(total: int) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A bar on stderr, where a human is looking."""
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failures]} failures"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("inputs", total=total, failures=0)
        yield lambda report: progress.update(task, completed=report["inputs"], failures=report["failures"])


def _tell(report: dict[str, Any]) -> None:
    for name, entry in report["targets"].items():
        for one in entry["failures"]:
            print(f"{name}: {one['error']} at {one['where']}, {one['count']} times; build/fuzz/{one['file']}")
    figures = f"{report['inputs']:,} inputs, {report['failures']:,} failures, {report['seconds']:,.0f} s"
    print(f"{figures}, seed {report['seed']}")


if __name__ == "__main__":
    sys.exit(main())
