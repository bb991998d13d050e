"""Charts as SVG, drawn by the server: they need no script, print well, and say in words what they show.

Shapes get classes, never style attributes: the page's policy allows none, and the dark scheme recolours them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from markupsafe import Markup

from alerts.reading.expected_band import BandPoint
from alerts.reading.trend_points import TrendPoint

__all__ = ["band_chart", "bar_chart", "line_chart"]

_WIDTH: Final = 720
_HEIGHT: Final = 220
_LEFT: Final = 36
_BOTTOM: Final = 22
_TOP: Final = 8


@dataclass(frozen=True)
class _Plane:
    """Where values stand: `since` to `until` across, `least` to `most` upwards."""

    since: datetime
    until: datetime
    most: float
    least: float = 0.0

    def x(self, at: datetime) -> float:
        share = (at - self.since) / (self.until - self.since) if self.until > self.since else 0.0
        return round(_LEFT + share * (_WIDTH - _LEFT - 8), 1)

    def y(self, value: float) -> float:
        share = (value - self.least) / (self.most - self.least)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP), 1)

    def axes(self) -> Markup:
        """A line at the bottom, three numbers at the side, first and last time below."""
        lines = []
        for part in (0, 0.5, 1):
            value = self.least + (self.most - self.least) * part
            y = self.y(value)
            lines.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(_LEFT, _WIDTH - 8, y, y))
            lines.append(
                Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(
                    _LEFT - 5, y + 4, f"{value:.3g}"
                )
            )
        for at, anchor in ((self.since, "start"), (self.until, "end")):
            lines.append(
                Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>').format(
                    self.x(at), _HEIGHT - 5, anchor, f"{at:%m-%d %H:%M}"
                )
            )
        return Markup("").join(lines)


def band_chart(points: Sequence[BandPoint], *, told: str, first: datetime, last: datetime) -> Markup:
    """What was seen as a line over the expected band; the firing stretch, `first` to `last`, is shaded."""
    if not points:
        return Markup("")
    most = max(max(point.observed, point.high) for point in points)
    plane = _Plane(points[0].at, points[-1].at, max(most, 1.0))
    left, right = plane.x(max(first, plane.since)), plane.x(min(last, plane.until))
    band = [(plane.x(point.at), plane.y(point.high)) for point in points]
    floor = [(x, plane.y(0)) for x in (band[-1][0], band[0][0])]
    shapes = [
        Markup('<rect class="firing" x="{}" y="{}" width="{}" height="{}"/>').format(
            left, _TOP, max(right - left, 2), _HEIGHT - _BOTTOM - _TOP
        ),
        plane.axes(),
        Markup('<polygon class="band" points="{}"/>').format(_points([*band, *floor])),
        Markup('<polyline class="expected" points="{}"/>').format(
            _points([(plane.x(point.at), plane.y(point.expected)) for point in points])
        ),
        Markup('<polyline class="observed" points="{}"/>').format(
            _points([(plane.x(point.at), plane.y(point.observed)) for point in points])
        ),
    ]
    return _svg(told, shapes)


def bar_chart(points: Sequence[TrendPoint], *, told: str, since: datetime, until: datetime) -> Markup:
    """A bar for each point, all documents behind and negative ones in front."""
    if not points:
        return Markup("")
    plane = _Plane(since, until, float(max(point.documents for point in points)))
    width = max(1.0, (_WIDTH - _LEFT) / max(1.0, (until - since).total_seconds() / 3600) - 1)
    shapes = [plane.axes()]
    for point in points:
        for kind, count in (("documents", point.documents), ("negative", point.negative)):
            if count:
                y = plane.y(count)
                shapes.append(
                    Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                        kind, plane.x(point.bucket), y, round(width, 1), round(plane.y(0) - y, 1)
                    )
                )
    return _svg(told, shapes)


def line_chart(
    at: Sequence[datetime],
    lines: Mapping[str, Sequence[float | None]],
    *,
    told: str,
    until: datetime,
    least: float,
    most: float,
) -> Markup:
    """A line for each class of `lines`, on one scale from `least` to `most`; it is broken where a value is missing."""
    plane = _Plane(at[0], until, most, least)
    shapes = [plane.axes()]
    for kind, values in lines.items():
        for run in _runs(list(zip(at, values, strict=True))):
            places = [(plane.x(moment), plane.y(value)) for moment, value in run]
            if len(places) == 1:
                dot = Markup('<circle class="{}" cx="{}" cy="{}" r="3"/>')
                shapes.append(dot.format(kind, *places[0]))
            else:
                shapes.append(Markup('<polyline class="{}" points="{}"/>').format(kind, _points(places)))
    return _svg(told, shapes)


def _runs(points: Sequence[tuple[datetime, float | None]]) -> Iterator[list[tuple[datetime, float]]]:
    """Stretches of points that have values."""
    for known, run in groupby(points, key=lambda point: point[1] is not None):
        if known:
            yield [(at, value) for at, value in run if value is not None]


def _svg(told: str, shapes: Sequence[Markup]) -> Markup:
    inside = Markup("").join(shapes)
    return Markup(
        '<svg class="chart" role="img" aria-label="{}" viewBox="0 0 {} {}" xmlns="http://www.w3.org/2000/svg">{}</svg>'
    ).format(told, _WIDTH, _HEIGHT, inside)


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in places)
