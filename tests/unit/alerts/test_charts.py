"""Charts stay within their frame, say in words what they show, and hold nothing but shapes and numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from alerts.console.charts import band_chart, bar_chart, line_chart
from alerts.reading.expected_band import BandPoint
from alerts.reading.trend_points import TrendPoint

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)
COUNTS = st.lists(st.tuples(st.integers(0, 500), st.floats(0, 500)), min_size=1, max_size=60)


def numbers(svg: str) -> list[tuple[float, float]]:
    root = ElementTree.fromstring(svg)
    return [tuple(map(float, pair.split(","))) for shape in root.iter() for pair in shape.get("points", "").split()]  # type: ignore[misc]


@given(COUNTS)
def test_lines_and_band_stay_within_the_frame(counts: list[tuple[int, float]]):
    points = [BandPoint(NOON + timedelta(hours=hour), seen, high / 2, high) for hour, (seen, high) in enumerate(counts)]
    svg = str(band_chart(points, told="told", first=NOON - timedelta(days=9), last=NOON + timedelta(days=9)))

    assert all(0 <= x <= 720 and 0 <= y <= 220 for x, y in numbers(svg))
    assert len(numbers(svg)) == 3 * len(points) + 2


def test_what_it_tells_is_escaped():
    points = [BandPoint(NOON, 1, 0.5, 2)]
    svg = str(band_chart(points, told='"><script>', first=NOON, last=NOON))

    assert ElementTree.fromstring(svg).get("aria-label") == '"><script>'
    assert "<script>" not in svg


def test_nothing_to_draw_is_nothing():
    assert band_chart([], told="", first=NOON, last=NOON) == ""
    assert bar_chart([], told="", since=NOON, until=NOON) == ""


def test_bars_stand_on_the_ground_negative_ones_in_front():
    point = TrendPoint(NOON, 4, 3, 2, 1, 1, 1, 0, 0.0, 0.5, True, 1)
    svg = str(bar_chart([point], told="told", since=NOON - timedelta(hours=10), until=NOON + timedelta(hours=1)))
    bars = re.findall(r'<rect class="(\w+)" x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"/>', svg)

    assert [kind for kind, _, _ in bars] == ["documents", "negative"]
    assert {round(float(y) + float(height)) for _, y, height in bars} == {198}


@given(st.lists(st.none() | st.floats(-1, 1), min_size=2, max_size=40))
def test_a_line_is_broken_where_nothing_is_known_and_stays_within_the_frame(values: list[float | None]):
    at = [NOON + timedelta(hours=6 * step) for step in range(len(values))]
    until = at[-1] + timedelta(hours=6)
    svg = str(line_chart(at, {"own": values}, told="told", until=until, least=-1, most=1))
    root = ElementTree.fromstring(svg)
    dots = [shape for shape in root.iter() if shape.tag.endswith("circle")]

    assert all(36 <= x <= 712 and 8 <= y <= 198 for x, y in numbers(svg))
    assert len(numbers(svg)) + len(dots) == sum(value is not None for value in values)


def test_two_lines_share_a_scale():
    at = [NOON, NOON + timedelta(hours=6)]
    lines = {"own": [1.0, 1.0], "others": [0.5, 0.5]}
    svg = str(line_chart(at, lines, told="told", until=at[1], least=0, most=1))

    assert [y for _, y in numbers(svg)] == [8, 8, 103, 103]
