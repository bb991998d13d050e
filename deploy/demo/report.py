"""What a run is summed up in: one JSON object for machines, tables for people."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy.demo.books import TrendLine

__all__ = ["FiredAlert", "Percentiles", "Report", "percentiles", "show"]


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of some latencies, in milliseconds."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class FiredAlert:
    """An alert as it arrived at the webhook. `bucket` is the minute (event time) that fired first."""

    entity: str
    bucket: datetime
    severity: str
    observed: int
    expected: float


@dataclass(frozen=True, slots=True)
class Report:
    """A run in figures. `scored` counts documents that got a model's verdict, the same item again included.

    The latencies are those of the live part of the stream, where records come at a pace; None when nothing was
    measured. `problems` is empty exactly when the demonstration is a success.
    """

    documents: int
    scored: int
    dead_letters: int
    trend_rows: int
    alerts: tuple[FiredAlert, ...]
    row_ms: Percentiles | None
    webhook_ms: Percentiles | None
    live_per_second: float
    seconds: float
    engine: str
    versions: dict[str, str]
    repeated: int
    dead: dict[str, int]
    stream: dict[str, Any]
    """The truth about the stream, for comparison."""
    trends: tuple[TrendLine, ...]
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `yuqing demo --json` prints."""
        return {
            "documents": self.documents,
            "scored": self.scored,
            "dead_letters": self.dead_letters,
            "trend_rows": self.trend_rows,
            "alerts": [{**asdict(alert), "bucket": alert.bucket.isoformat()} for alert in self.alerts],
            "latency_ms": {
                "row": asdict(self.row_ms) if self.row_ms else None,
                "webhook": asdict(self.webhook_ms) if self.webhook_ms else None,
            },
            "live_per_second": self.live_per_second,
            "seconds": self.seconds,
            "engine": self.engine,
            "versions": self.versions,
            "repeated": self.repeated,
            "dead": self.dead,
            "stream": self.stream,
            "problems": list(self.problems),
        }


def percentiles(values_ms: Sequence[float]) -> Percentiles | None:
    """The 50th, 95th and 99th percentile, rounded to a tenth; of one value it is that value, of none it is None."""
    if not values_ms:
        return None
    if len(values_ms) == 1:
        return Percentiles(*[round(values_ms[0], 1)] * 3)
    cuts = statistics.quantiles(values_ms, n=100, method="inclusive")
    return Percentiles(*(round(cuts[at - 1], 1) for at in (50, 95, 99)))


def show(report: Report, console: Console) -> None:
    """Prints the report for a person."""
    console.print(Group(_trends(report), _latencies(report), _counts(report)))
    if report.problems:
        console.print(Text("\n".join(["Not as it should be:", *report.problems]), style="bold red"))
    else:
        console.print(
            Text(f"All {report.stream['records']} records accounted for in {report.seconds:.0f} s.", style="bold green")
        )


def _trends(report: Report) -> RenderableType:
    table = Table(title="trends: the bank's worst minutes", title_justify="left")
    for column in ("minute, UTC", "documents", "stories", "negative", "mean score", "revision", "state"):
        table.add_column(column, justify="right", no_wrap=True)
    for line in report.trends:
        table.add_row(
            f"{line.bucket:%m-%d %H:%M}",
            *(str(number) for number in (line.documents, line.stories, line.negative)),
            f"{line.mean_score:+.2f}",
            str(line.revision),
            line.state,
        )
    return table


def _latencies(report: Report) -> RenderableType:
    table = Table(title=f"latency, live at {report.live_per_second:.0f} a second", title_justify="left")
    first = "from arrival in Kafka to"
    for column in (first, "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(column, justify="left" if column == first else "right", no_wrap=True)
    for name, measured in (("visible trend row", report.row_ms), ("webhook", report.webhook_ms)):
        table.add_row(name, *(f"{value:.0f}" for value in asdict(measured).values()) if measured else ("-", "-", "-"))
    return table


def _counts(report: Report) -> RenderableType:
    table = Table(title="counts", title_justify="left", show_header=False)
    refused = ", ".join(f"{reason} {number}" for reason, number in report.dead.items())
    for name, value in (
        ("documents stored", str(report.documents)),
        ("scored", str(report.scored)),
        ("same item again", str(report.repeated)),
        ("dead letters", f"{report.dead_letters} ({refused})" if refused else str(report.dead_letters)),
        ("trend rows", str(report.trend_rows)),
        ("alerts", str(len(report.alerts))),
        ("engine", report.engine),
        ("versions", ", ".join(f"{name} {version}" for name, version in report.versions.items())),
    ):
        table.add_row(name, value)
    return table
