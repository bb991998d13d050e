"""Alarms to look at: of each company that has any its negative stories day by day, as PNG or as one HTML file."""

from __future__ import annotations

import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from alerts.detection.counts import StoredCounts
from alerts.detection.name_counts import NameCounts
from alerts.detection.series import MINUTES_A_DAY, Series, minute_of, time_of
from alerts.detection.thresholds import Severity, rank
from alerts.detection.unlisted import is_unlisted
from alerts.errors import MissingPartError

__all__ = ["Alarm", "draw", "stories_of"]

_MOST_PANELS: Final = 24
"""Companies drawn, those with the gravest alarms first; the table of the HTML page has all."""

_DPI: Final = 110
_COLOURS: Final[dict[Severity, str]] = {"watch": "tab:gray", "warning": "tab:orange", "critical": "tab:red"}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px sans-serif;margin:2em;max-width:75em}}svg{{width:100%;height:auto}}
td,th{{padding:.2em 1em;text-align:left}}</style></head>
<body><h1>{title}</h1>
{picture}
<table><tr><th>first</th><th>last</th><th>company</th><th>found by</th><th>severity</th></tr>
{rows}
</table></body></html>
"""


@dataclass(frozen=True)
class Alarm:
    """An alert from its first firing minute to its last."""

    entity_id: str
    name: str
    detector: str
    severity: Severity
    first: datetime
    last: datetime


def draw(
    connection: Connection, alarms: Sequence[Alarm], since: datetime, until: datetime, title: str, path: Path
) -> None:
    """Writes HTML where `path` ends so, else the format that its ending names, such as PNG.

    Raises MissingPartError where matplotlib is not installed, OSError for the file.
    """
    figure = _figure(connection, alarms, since, until, title)
    if path.suffix.lower() not in {".html", ".htm"}:
        figure.savefig(path, dpi=_DPI)
        return
    picture = io.StringIO()
    figure.savefig(picture, format="svg", dpi=_DPI)
    drawing = picture.getvalue()
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _row(alarm)) + "</tr>" for alarm in alarms
    )
    page = _PAGE.format(title=html.escape(title), picture=drawing[drawing.index("<svg") :], rows=rows)
    path.write_text(page, encoding="utf-8")


def _row(alarm: Alarm) -> tuple[str, ...]:
    first, last = (f"{at:%Y-%m-%d %H:%M}" for at in (alarm.first, alarm.last))
    return first, last, alarm.name, alarm.detector, alarm.severity


def _figure(connection: Connection, alarms: Sequence[Alarm], since: datetime, until: datetime, title: str) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPartError("plots need matplotlib", "pip install 'yuqing[plots]'") from error
    shown = _companies(alarms)
    first = minute_of(since) // MINUTES_A_DAY * MINUTES_A_DAY
    days = np.arange(first, minute_of(until) + 1, MINUTES_A_DAY, dtype=np.int64)
    counts = stories_of(connection, shown, first, minute_of(until))
    figure = Figure(figsize=(14, 1.2 + 1.3 * max(len(shown), 1)), layout="constrained")
    FigureCanvasAgg(figure)  # no window, no global state
    figure.suptitle(title)
    panels = figure.subplots(max(len(shown), 1), 1, sharex=True, squeeze=False)[:, 0]
    times = [time_of(int(day)).astimezone(UTC) for day in days]
    for panel, (entity_id, own) in zip(panels, shown.items(), strict=False):
        series = counts.get(entity_id, Series.of(()))
        ends = series.total_stories[series.up_to(days + MINUTES_A_DAY - 1)]
        panel.bar(times, np.diff(ends, prepend=0), width=1.0, align="edge", color="black")
        for alarm in own:
            panel.axvline(alarm.first, color=_COLOURS[alarm.severity], linewidth=1.2)
            panel.axvspan(alarm.first, alarm.last, color=_COLOURS[alarm.severity], alpha=0.25, linewidth=0)
        panel.set_ylim(bottom=0)
        panel.set_ylabel(own[0].name[:24], rotation=0, horizontalalignment="right")
    panels[-1].set_xlabel("negative stories a day, UTC")
    return figure


def stories_of(connection: Connection, shown: Iterable[str], since: int, until: int) -> dict[str, Series]:
    """The negative stories of companies, and of names that no list has, which are counted from documents."""
    stored = StoredCounts(connection)
    names = [entity_id for entity_id in shown if is_unlisted(entity_id)]
    found = dict(stored.entities([entity_id for entity_id in shown if not is_unlisted(entity_id)], since, until))
    return found | NameCounts(stored).entities(names, since, until) if names else found


def _companies(alarms: Sequence[Alarm]) -> dict[str, list[Alarm]]:
    """The alarms of each company that is drawn, gravest and earliest company first."""
    found: dict[str, list[Alarm]] = {}
    for alarm in alarms:
        found.setdefault(alarm.entity_id, []).append(alarm)
    order = sorted(found, key=lambda one: (-max(map(_rank, found[one])), min(each.first for each in found[one]), one))
    return {entity_id: found[entity_id] for entity_id in order[:_MOST_PANELS]}


def _rank(alarm: Alarm) -> int:
    return rank(alarm.severity)
