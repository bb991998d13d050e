"""Alarm rules by Prometheus's own promtool: each fires when it must, and does not when it must not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from alarm_rule_cases import CASES, Case
from promql import ROOT, filled

from deploy.dashboards.files import DASHBOARDS, RULES

FOLDER = ROOT / "deploy" / "prometheus"
RULES_BY_NAME = {rule.name: rule for rules in RULES.values() for rule in rules}
PROMTOOL = shutil.which("promtool", path=str(Path(sys.executable).parent)) or shutil.which("promtool")

with_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is absent: make promtool, or apt-get install prometheus"
)


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run([PROMTOOL, *map(str, words)], capture_output=True, text=True, check=False)


def as_promtool_has_it(case: Case) -> dict[str, Any]:
    rule = RULES_BY_NAME[case.rule].written("docs/runbooks.md")
    notes = rule["annotations"]
    if case.fires is not None and "{{" in notes["description"]:
        notes |= {"description": notes["description"].replace("{{ $labels.job }}", case.labels["job"])}
    alarm = {
        "exp_labels": {"severity": rule["labels"]["severity"], **case.labels},
        "exp_annotations": notes | {"summary": case.fires},
    }
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "alert_rule_test": [
            {"eval_time": f"{case.at}m", "alertname": case.rule, "exp_alerts": [alarm] if case.fires else []}
        ],
    }


@with_promtool
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.what}")
def test_a_rule_fires_when_it_must_and_only_then(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "case.yml"
    wanted = {"rule_files": [str(FOLDER / "yuqing.rules.yml")], "evaluation_interval": "1m"}
    file.write_text(yaml.safe_dump(wanted | {"tests": [as_promtool_has_it(case)]}))
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


@with_promtool
def test_a_rule_that_fires_for_nothing_would_be_noticed(tmp_path: Path) -> None:
    calm = next(case for case in CASES if case.fires is None)
    loud = as_promtool_has_it(next(case for case in CASES if case.fires and case.rule == calm.rule))
    loud["alert_rule_test"][0]["exp_alerts"] = []
    file = tmp_path / "case.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(FOLDER / "yuqing.rules.yml")], "tests": [loud]}))
    assert promtool("test", "rules", file).returncode != 0


def test_every_rule_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    outcomes = defaultdict(set)
    for case in CASES:
        outcomes[case.rule].add(case.fires is not None)
    assert outcomes == {name: {True, False} for name in RULES_BY_NAME}


@with_promtool
def test_prometheus_takes_the_rules_and_the_configuration_that_names_them() -> None:
    for words in (("check", "rules", FOLDER / "yuqing.rules.yml"), ("check", "config", FOLDER / "prometheus.yml")):
        done = promtool(*words)
        assert done.returncode == 0, done.stdout + done.stderr


@with_promtool
def test_prometheus_takes_every_expression_of_the_dashboards(tmp_path: Path) -> None:
    expressions = [
        filled(query.expr)
        for page in DASHBOARDS
        for row in page.rows
        for panel in row.panels
        for query in panel.queries
    ]
    rules = [{"record": f"shown:{number}", "expr": each} for number, each in enumerate(expressions)]
    file = tmp_path / "shown.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "shown", "rules": rules}]}))
    done = promtool("check", "rules", file)
    assert len(rules) > 50
    assert done.returncode == 0, done.stdout + done.stderr
