"""A backtest to look at: the series, the band that calm stays in, and the alarms, as PNG or as one HTML file."""

from __future__ import annotations

import html
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.detection.backtest import Result
from alerts.detection.regular import Floats
from alerts.detection.series import time_of
from alerts.errors import MissingPartError

__all__ = ["draw"]

_DPI = 120

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px sans-serif;margin:2em;max-width:75em}}svg{{width:100%;height:auto}}
td,th{{padding:.2em 1em;text-align:right}}</style></head>
<body><h1>{title}</h1>
{picture}
<table><tr><th>alarm</th><th>last told</th><th>score</th><th>minutes</th><th>observed</th><th>expected</th>
<th>as far in calm, a month</th></tr>
{rows}
</table></body></html>
"""


def draw(result: Result, title: str, path: Path) -> None:
    """Writes HTML where `path` ends so, else the format that its ending names, such as PNG.

    Raises MissingPartError where matplotlib is not installed, OSError for the file.
    """
    figure = _figure(result, title)
    if path.suffix.lower() not in {".html", ".htm"}:
        figure.savefig(path, dpi=_DPI)
        return
    picture = io.StringIO()
    figure.savefig(picture, format="svg", dpi=_DPI)
    drawing = picture.getvalue()
    rows = "\n".join(
        f"<tr><td>{alarm.at:%Y-%m-%d %H:%M}</td><td>{alarm.last:%Y-%m-%d %H:%M}</td><td>{alarm.score:.3f}</td>"
        f"<td>{alarm.horizon_min}</td><td>{alarm.observed:g}</td><td>{alarm.expected:.1f}</td><td>{alarm.false_alarms_a_month:.2g}</td></tr>"
        for alarm in result.alarms
    )
    page = _PAGE.format(title=html.escape(title), picture=drawing[drawing.index("<svg") :], rows=rows)
    path.write_text(page, encoding="utf-8")


def band(result: Result) -> tuple[Floats, Floats]:
    """(buckets,) each: the count expected in a bucket, and what may be counted before the evidence is above 0.

    By the shortest horizon. Up to the upper line half of all days stay all day long.
    """
    shortest = result.judged.horizons[0]
    length = shortest.horizon_min / result.counts.step_min
    return shortest.mean[0] / length, shortest.ceiling[0] / length


def _figure(result: Result, title: str) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPartError("plots need matplotlib", "pip install 'yuqing[plots]'") from error
    figure = Figure(figsize=(14, 6), layout="constrained")
    FigureCanvasAgg(figure)  # no window, no global state
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    times = _times(result)
    usual, ceiling = band(result)
    upper.fill_between(times, usual, ceiling, color="tab:blue", alpha=0.25, linewidth=0, label="half of all days")
    upper.plot(times, usual, color="tab:blue", linewidth=0.6, label="expected")
    upper.plot(times, result.counts.values[0], color="black", linewidth=0.6, label="counts")
    upper.set_yscale("symlog", linthresh=10)
    for number, alarm in enumerate(result.alarms):
        upper.axvline(alarm.at, color="tab:red", linewidth=0.8, label="alarm" if number == 0 else None)
    upper.set(title=title, ylabel="count")
    upper.legend(loc="upper left")
    lower.plot(times, result.judged.evidence[0], color="tab:red", linewidth=0.6)
    lower.set(ylabel="evidence", xlabel="UTC")
    return figure


def _times(result: Result) -> list[datetime]:
    first, step = time_of(result.counts.first).astimezone(UTC), timedelta(minutes=result.counts.step_min)
    return [first + step * bucket for bucket in range(result.counts.values.shape[1])]
