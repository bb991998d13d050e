"""What all dashboards have in common: who is looked at, where the others are, when an alarm was on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.builders.dashboard import QueryVariable
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from deploy.dashboards.panels import SOURCE, Row

__all__ = ["Dashboard"]

_TAG: Final = "yuqing"
_ALARMS: Final = 'ALERTS{alertname=~"Yuqing.*", alertstate="firing"}'


@dataclass(frozen=True)
class Dashboard:
    """One page. `uid` stays the same for good: links and bookmarks name it."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]

    def json(self) -> str:
        """What Grafana imports."""
        page = dashboard.Dashboard(self.title).uid(self.uid).description(self.description).tags([_TAG]).editable()
        page.tooltip(DashboardCursorSync.CROSSHAIR).refresh("30s").time("now-3h", "now").timezone("browser")
        page.with_variable(_source()).with_variable(_roles()).with_variable(_instances())
        others = dashboard.DashboardLink("Yuqing").type(DashboardLinkType.DASHBOARDS).tags([_TAG])
        page.link(others.as_dropdown(True).keep_time(True).include_vars(True))
        alarms = dashboard.AnnotationQuery().name("Alarms").datasource(SOURCE).enable(True).icon_color("red")
        page.annotation(alarms.expr(_ALARMS))
        panels = 0
        for row in self.rows:
            page.with_row(dashboard.Row(row.title))
            for panel in row.panels:
                panels += 1
                page.with_panel(panel.build().id(panels))
        return JSONEncoder(sort_keys=True, indent=2).encode(page.build()) + "\n"


def _source() -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def _roles() -> QueryVariable:
    return _choice("job", "Role", "label_values(yuqing_build_info, job)")


def _instances() -> QueryVariable:
    return _choice("instance", "Instance", 'label_values(yuqing_build_info{job=~"$job"}, instance)')


def _choice(name: str, label: str, query: str) -> QueryVariable:
    variable = QueryVariable(name).label(label).query(query).datasource(SOURCE).multi(True).include_all(True)
    variable.all_value(".*").sort(VariableSort.ALPHABETICAL_ASC).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    return variable.current(VariableOption(selected=True, text="All", value="$__all"))
