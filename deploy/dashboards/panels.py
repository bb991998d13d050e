"""Panels as data, and what Grafana's SDK makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from grafana_foundation_sdk.builders import common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode

__all__ = ["SOURCE", "Panel", "Query", "Row", "figure", "lines"]

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="$datasource")

_SCOPE: Final = 'job=~"$job", instance=~"$instance"'
_REFS: Final = "ABCDEFGH"


@dataclass(frozen=True)
class Query:
    """PromQL; `$scope` in it stands for the chosen roles and instances."""

    text: str
    legend: str = ""

    @property
    def expr(self) -> str:
        return self.text.replace("$scope", _SCOPE)


@dataclass(frozen=True)
class Panel:
    """What one question looks like. From `warn` on it is orange, from `wrong` on red; `width` is of 24."""

    kind: Literal["lines", "figure"]
    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    warn: float | None = None
    wrong: float | None = None
    stacked: bool = False
    width: int = 12
    most: float | None = None

    def build(self) -> timeseries.Panel | stat.Panel:
        panel = self._lines() if self.kind == "lines" else self._figure()
        panel.title(self.title).description(self.description).unit(self.unit).datasource(SOURCE).min(0)
        panel.span(self.width).thresholds(self._thresholds())
        if self.most is not None:
            panel.max(self.most)
        for ref, query in zip(_REFS, self.queries, strict=False):
            target = prometheus.Dataquery().ref_id(ref).expr(query.expr).datasource(SOURCE)
            panel.with_target(target.legend_format(query.legend) if query.legend else target)
        return panel

    def _lines(self) -> timeseries.Panel:
        legend = common.VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
        panel = timeseries.Panel().height(8).line_width(1).fill_opacity(30 if self.stacked else 5)
        panel.legend(legend.placement(LegendPlacement.BOTTOM))
        panel.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        if self.stacked:
            panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
        if self.warn is not None or self.wrong is not None:
            panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
        return panel

    def _figure(self) -> stat.Panel:
        panel = stat.Panel().height(4).color_mode(BigValueColorMode.VALUE).graph_mode(BigValueGraphMode.AREA)
        return panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))

    def _thresholds(self) -> ThresholdsConfig:
        steps = [Threshold(None, "green")]
        if self.warn is not None:
            steps.append(Threshold(self.warn, "orange"))
        if self.wrong is not None:
            steps.append(Threshold(self.wrong, "red"))
        return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


@dataclass(frozen=True)
class Row:
    """Panels that answer one kind of question."""

    title: str
    panels: tuple[Panel, ...]


def lines(
    title: str,
    description: str,
    unit: str,
    *queries: tuple[str, str],
    warn: float | None = None,
    wrong: float | None = None,
    stacked: bool = False,
    width: int = 12,
    most: float | None = None,
) -> Panel:
    """How it went; `queries` are pairs of PromQL and the legend of its lines."""
    asked = tuple(Query(*each) for each in queries)
    return Panel("lines", title, description, unit, asked, warn, wrong, stacked, width, most)


def figure(
    title: str, description: str, unit: str, query: str, *, warn: float | None = None, wrong: float | None = None
) -> Panel:
    """How it stands now, as one number."""
    return Panel("figure", title, description, unit, (Query(query),), warn, wrong, width=4)
