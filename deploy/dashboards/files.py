"""Which file has which dashboard, and which the rules; what stands in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.dashboards.alarms import ALARMS
from deploy.dashboards.flow_rules import FLOW_RULES
from deploy.dashboards.frame import Dashboard
from deploy.dashboards.model import MODEL
from deploy.dashboards.pipeline import PIPELINE
from deploy.dashboards.product_rules import ALERT_RULES, MODEL_RULES, STORE_RULES
from deploy.dashboards.rules import RUNBOOKS, Rule, rules_file
from deploy.dashboards.stores import STORES

__all__ = ["DASHBOARDS", "RULES", "files"]

DASHBOARDS: Final[Sequence[Dashboard]] = (PIPELINE, MODEL, ALARMS, STORES)

RULES: Final[Mapping[str, Sequence[Rule]]] = {
    "yuqing-flow": FLOW_RULES,
    "yuqing-model": MODEL_RULES,
    "yuqing-alerts": ALERT_RULES,
    "yuqing-stores": STORE_RULES,
}


def files(runbooks: str = RUNBOOKS) -> dict[Path, str]:
    """The text of every file, by its place below deploy/."""
    written = {Path("grafana/dashboards") / f"{page.uid}.json": page.json() for page in DASHBOARDS}
    return written | {Path("prometheus/yuqing.rules.yml"): rules_file(RULES, runbooks)}
