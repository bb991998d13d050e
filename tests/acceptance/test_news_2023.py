"""The year 2023 as it was crawled: 51,777 feed items go in, every one is accounted for, and the crises are called.

One installation lives through the whole story, in the order of the tests: a first replay, the same file once more,
then (in a second installation) a replay in which scorer and windows are killed. Figures land in
`build/acceptance.json`. `make acceptance` runs it; it takes about a quarter of an hour on two cores.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from eventually import eventually
from installation import YUQING, Installation

ROOT = Path(__file__).parents[2]
NEWS = ROOT.parent / "shared/data/replay/news_2023.jsonl.gz"
CRISES = ROOT / "docs/examples/crises_2023.csv"
ITEMS = 51_777
KILLED_ITEMS = 12_000

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not NEWS.exists(), reason="needs ../shared/data/replay/news_2023.jsonl.gz beside the checkout"),
]


@pytest.fixture(scope="module")
def figures() -> Iterator[dict[str, Any]]:
    """What the tests measured, written down when the last one is done."""
    found: dict[str, Any] = {}
    yield found
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build/acceptance.json").write_text(json.dumps(found, indent=2, default=str) + "\n")


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    folder = ROOT / "build/acceptance"
    shutil.rmtree(folder, ignore_errors=True)
    with Installation(folder, [CRISES]) as installation:
        yield installation


def test_every_item_is_accounted_for(installation: Installation, figures: dict[str, Any]) -> None:
    began = monotonic()
    replay = installation.command("replay", str(NEWS), "--speed", "max", "--wait")
    figures["replay_seconds"] = round(monotonic() - began, 1)
    assert replay["items"] == replay["published"] == ITEMS

    audit = installation.command("audit")
    figures["audit"] = audit["figures"]
    assert audit["ok"], audit["differences"]
    assert audit["figures"]["raw_records"] == ITEMS
    assert sum(audit["figures"][outcome] for outcome in ("stored", "repeated", "dead")) == ITEMS


def test_the_crises_are_called(installation: Installation, figures: dict[str, Any]) -> None:
    alerts = installation.command("alerts", "list", "--limit", "10000")["alerts"]
    figures["alerts"] = len(alerts)
    firsts = {
        entity: sorted(alert["first_bucket"] for alert in alerts if alert["entity_id"] == entity)
        for entity in ("svb", "first-republic", "credit-suisse", "openai", "binance")
    }
    figures["crises"] = firsts
    assert any("2023-03-09" <= at[:10] <= "2023-03-10" for at in firsts["svb"]), firsts
    assert any("2023-03-16" <= at[:10] <= "2023-03-19" for at in firsts["credit-suisse"]), firsts
    assert any("2023-04-24" <= at[:10] <= "2023-05-01" for at in firsts["first-republic"]), firsts
    assert any("2023-11-17" <= at[:10] <= "2023-11-18" for at in firsts["openai"]), firsts
    assert any("2023-11-21" <= at[:10] <= "2023-11-22" for at in firsts["binance"]), firsts


def test_the_receiver_gets_each_alert_once(installation: Installation, figures: dict[str, Any]) -> None:
    listed = installation.command("alerts", "list", "--limit", "10000")["alerts"]
    alerts = [alert for alert in listed if not alert["held_by"]]  # the others were told by another, or flapped
    figures["held_back"] = len(listed) - len(alerts)

    def opened() -> list[str]:
        told = [one.payload["data"] for one in installation.receiver.received if one.type == "alert.opened"]
        return [one["alert_id"] for data in told for one in (data, *data["also"])]

    eventually(lambda: len(opened()) >= len(alerts), timeout_s=60)
    figures["webhooks_opened"] = len(opened())
    assert sorted(opened()) == sorted(str(alert["alert_id"]) for alert in alerts)
    assert installation.receiver.unsigned == 0


def test_the_same_file_again_changes_no_sum(installation: Installation, figures: dict[str, Any]) -> None:
    before = installation.command("audit")["figures"]
    alerts = installation.command("alerts", "list", "--limit", "10000")["alerts"]
    received = len(installation.receiver.received)

    installation.command("replay", str(NEWS), "--speed", "max", "--restart", "--wait")

    audit = installation.command("audit")
    assert audit["ok"], audit["differences"]
    assert audit["figures"]["raw_records"] == 2 * ITEMS
    for name in ("documents", "mentions", "trend_rows"):
        assert audit["figures"][name] == before[name], name
    assert installation.command("alerts", "list", "--limit", "10000")["alerts"] == alerts
    assert len(installation.receiver.received) == received
    figures["repeated_after_second_replay"] = audit["figures"]["repeated"]


def test_kills_in_mid_replay_lose_and_double_nothing(tmp_path: Path, figures: dict[str, Any]) -> None:
    part = tmp_path / "part.jsonl"
    with gzip.open(NEWS, "rt") as lines:
        part.write_text("".join(islice(lines, KILLED_ITEMS)))
    with Installation(tmp_path / "killed", [CRISES]) as installation:
        replay = subprocess.Popen(
            [*YUQING, "replay", str(part), "--wait", "--config", str(installation.config), "--json"],
            stdout=subprocess.PIPE,
        )
        killed = []
        for role, documents in (("scorer", 500), ("windows", 2_000), ("scorer", 4_000), ("windows", 6_000)):
            eventually(lambda n=documents: installation.command("status")["documents"] >= n, timeout_s=120)
            killed.append((role, installation.kill(role), datetime.now(UTC)))
        assert replay.wait(timeout=600) == 0
        audit = installation.command("audit")
    figures["killed"] = [f"{role} at {at:%H:%M:%S}" for role, _, at in killed]
    figures["audit_after_kills"] = audit["figures"]
    assert audit["ok"], audit["differences"]
    assert audit["figures"]["stored"] + audit["figures"]["repeated"] + audit["figures"]["dead"] == KILLED_ITEMS
