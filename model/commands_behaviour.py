"""`yuqing behaviour`: pass rates of the behavioural suite."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from model.behaviour import Behaviour, Outcome, run, suite, summarise
from model.classifier import Classifier
from model.command_frame import explained, print_json


def behaviour_command(
    weights: Annotated[Path | None, typer.Option(help="Weights folder; the committed one if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
    show_failures: Annotated[int, typer.Option(min=0, help="Failed cases shown of each capability.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the generated sentences.")] = 0,
) -> None:
    """Put the behavioural suite to the model: it measures, so whatever it finds is exit code 0."""
    with explained():
        classifier = Classifier.load(weights)
        outcomes = run(classifier, suite(seed=seed))
        found = summarise(classifier.version, outcomes)
        failures = _first_failures(outcomes, show_failures)
        if as_json:
            answer: dict[str, Any] = msgspec.to_builtins(found)
            print_json(answer | {"seed": seed, "failures": [_failure(one) for one in failures]})
            return
        console = Console()
        console.print(_pass_rates(found))
        console.print(_fairness(found))
        for one in failures:
            console.print(_sentence(one))


def _first_failures(outcomes: Sequence[Outcome], most: int) -> list[Outcome]:
    seen: Counter[str] = Counter()
    chosen = []
    for one in outcomes:
        if not one.passed and seen[one.case.capability] < most:
            seen[one.case.capability] += 1
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.case.capability)


def _failure(one: Outcome) -> dict[str, Any]:
    case = one.case
    found: dict[str, Any] = {"capability": case.capability, "language": case.language, "expected": case.expected.value}
    found |= {"text": case.asked.text, "toward": case.asked.toward, "label": one.answer.label}
    found["score"] = round(one.answer.score, 3)
    if case.base is not None and one.base is not None:
        found |= {"base": case.base.text, "base_label": one.base.label, "base_score": round(one.base.score, 3)}
    return found


def _sentence(one: Outcome) -> str:
    told = _failure(one)
    about = f" (toward {told['toward']})" if told["toward"] else ""
    line = f"{told['capability']}: expected {told['expected']}, got {told['label']} {told['score']:+.2f}"
    line += f": {told['text']!r}{about}"
    if "base" in told:
        line += f"; base {told['base_label']} {told['base_score']:+.2f}: {told['base']!r}"
    return escape(line)


def _pass_rates(found: Behaviour) -> Table:
    table = Table(title=f"{found.model_version}: {found.passed} of {found.cases} cases pass")
    table.add_column("capability", no_wrap=True)
    table.add_column("type")
    for column in ("cases", "passed", "rate", "en", "zh"):
        table.add_column(column, justify="right")
    for name, one in found.capabilities.items():
        parts = [one.by_language.get(language) for language in ("en", "zh")]
        rates = ["" if part is None else f"{part.rate:.1%}" for part in parts]
        table.add_row(name, "+".join(one.kinds), str(one.cases), str(one.passed), f"{one.rate:.1%}", *rates)
    return table


def _fairness(found: Behaviour) -> Table:
    table = Table(title="Labels that another company's name changed; fair is under 2 %")
    table.add_column("names", no_wrap=True)
    for name in found.fairness:
        table.add_column(name, justify="right")
    rows = {"all": [f"{one.rate:.1%}" for one in found.fairness.values()]}
    for group in next(iter(found.fairness.values())).groups:
        rows[group] = [f"{one.groups[group]:.1%}" for one in found.fairness.values()]
    for group, rates in rows.items():
        table.add_row(group, *rates)
    return table
