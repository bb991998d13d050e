"""Dashboards and alarm rules: what is committed is what the code makes, and every metric in them exists."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from promql import OF_PROMETHEUS, ROOT, asked, filled, registered

from deploy.dashboards.files import DASHBOARDS, RULES, files
from deploy.dashboards.frame import Dashboard

RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
ALL_RULES = [rule for rules in RULES.values() for rule in rules]
EXISTING = registered() | OF_PROMETHEUS


def panels(page: Dashboard) -> list[dict[str, Any]]:
    return [panel for panel in json.loads(page.json())["panels"] if panel["type"] != "row"]


EXPRESSIONS = [
    pytest.param(filled(target["expr"]), id=f"{page.uid}: {panel['title']} {target['refId']}")
    for page in DASHBOARDS
    for panel in panels(page)
    for target in panel["targets"]
] + [pytest.param(rule.expr, id=rule.name) for rule in ALL_RULES]


@pytest.mark.parametrize("place", sorted(files()), ids=str)
def test_what_is_committed_is_what_the_code_makes(place: Path) -> None:
    assert (ROOT / "deploy" / place).read_text(encoding="utf-8") == files()[place], "run make dashboards"


def test_no_file_is_left_of_a_dashboard_that_is_gone() -> None:
    there = {path.relative_to(ROOT / "deploy") for path in (ROOT / "deploy" / "grafana" / "dashboards").iterdir()}
    assert there <= set(files())


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_every_label_of_an_expression_exists(expression: str) -> None:
    found = asked(expression)
    assert found
    for each in found:
        assert each.metric in EXISTING
        assert each.labels <= EXISTING[each.metric], each.metric


def test_a_metric_or_a_label_that_is_not_there_would_be_noticed() -> None:
    (one,) = asked('sum by (stage, colour) (rate(yuqing_lag_records{topik="x"}[5m]))')
    assert one.labels - EXISTING[one.metric] == {"colour", "topik"}
    assert "yuqing_lag_record" not in EXISTING
    assert {each.metric for each in asked("a / on (x) b or absent(c)")} == {"a", "b", "c"}


def test_what_every_role_measures_is_among_them() -> None:
    assert len([name for name in EXISTING if name.startswith("yuqing_")]) > 60
    assert "stage" in EXISTING["yuqing_stage_seconds_bucket"]
    assert EXISTING["yuqing_source_documents_total"] >= {"source", "job", "instance"}


@pytest.mark.parametrize("page", DASHBOARDS, ids=lambda page: page.uid)
def test_a_panel_says_what_it_shows_in_which_unit_of_whom(page: Dashboard) -> None:
    for panel in panels(page):
        assert len(panel["description"]) > 15, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["color"] == "green"
        for target in panel["targets"]:
            assert 'job=~"$job", instance=~"$instance"' in target["expr"], panel["title"]
            assert target["datasource"]["uid"] == "$datasource"


@pytest.mark.parametrize("page", DASHBOARDS, ids=lambda page: page.uid)
def test_a_dashboard_lets_one_choose_where_and_whom_and_lies_flat(page: Dashboard) -> None:
    made = json.loads(page.json())
    assert [one["name"] for one in made["templating"]["list"]] == ["datasource", "job", "instance"]
    assert made["uid"] == page.uid
    assert len({panel["id"] for panel in panels(page)}) == len(panels(page))
    places = [panel["gridPos"] for panel in made["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def test_names_of_dashboards_and_rules_are_given_once() -> None:
    assert len({page.uid for page in DASHBOARDS}) == len({page.title for page in DASHBOARDS}) == len(DASHBOARDS)
    assert len({rule.name for rule in ALL_RULES}) == len(ALL_RULES)


def test_every_rule_has_its_runbook_and_every_runbook_its_rule() -> None:
    headings = re.findall(r"^## (\w+)$", RUNBOOKS, flags=re.MULTILINE)
    assert headings == [rule.name for rule in ALL_RULES]
    for name, told in zip(headings, re.split(r"^## \w+$", RUNBOOKS, flags=re.MULTILINE)[1:], strict=True):
        assert len(told.split()) >= 25, name


def test_a_rule_says_what_it_means_and_where_its_runbook_is() -> None:
    for group in yaml.safe_load(files("https://wiki.example/runbooks")[Path("prometheus/yuqing.rules.yml")])["groups"]:
        for rule in group["rules"]:
            notes = rule["annotations"]
            assert rule["labels"]["severity"] in {"page", "ticket"}
            assert notes["runbook_url"] == f"https://wiki.example/runbooks#{rule['alert'].lower()}"
            assert len(notes["summary"]) > 20
            assert len(notes["description"]) > 30


def test_the_command_writes_them_where_it_is_told(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "deploy.dashboards", "--out", str(tmp_path)], cwd=ROOT, check=True)
    for place, text in files().items():
        assert (tmp_path / place).read_text(encoding="utf-8") == text
