"""The charts of a company beside its group: one for each measure, both on its scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from markupsafe import Markup

from alerts.console.charts import line_chart
from alerts.console.wording import Language, wording
from alerts.reading.group_trends import Comparison, Measures

__all__ = ["comparison_charts"]

_MEASURES: Final[tuple[tuple[str, Callable[[Measures], float | None], str], ...]] = (
    ("negative_share", lambda side: side.negative_share, ".0%"),
    ("documents_each", lambda side: side.documents, ".1f"),
    ("mean_score", lambda side: side.mean_score, "+.2f"),
)


def comparison_charts(beside: Comparison, name: str, language: Language) -> list[tuple[str, Markup]]:
    """Share of negative, volume and mean score: what each is called, and its chart."""
    charts = []
    for key, measure, form in _MEASURES:
        lines = {
            "own": [measure(point.company) for point in beside.points],
            "others": [measure(point.others) for point in beside.points],
        }
        told = wording(
            language,
            "beside_told",
            measure=wording(language, key),
            name=name,
            group=beside.group,
            own=_told(measure(beside.company), form),
            others=_told(measure(beside.others), form),
        )
        values = [value for line in lines.values() for value in line if value is not None]
        least, most = (-1.0, 1.0) if key == "mean_score" else (0.0, max([*values, 0.0]) or 1.0)
        at = [point.at for point in beside.points]
        charts.append(
            (wording(language, key), line_chart(at, lines, told=told, until=beside.until, least=least, most=most))
        )
    return charts


def _told(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
