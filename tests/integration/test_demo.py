"""The end-to-end test: `yuqing demo`, a second time on the same folder, and cut short by Ctrl-C.

A stream of known content goes through every process of the product. What the command tells must be what the generator
knows: not one document more or less, every broken record refused for its own reason, and the bank run at the webhook.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from eventually import eventually

from deploy.demo.newsroom import SEED, edition
from deploy.demo.words import crisis
from deploy.embedded import EmbeddedStack

PATIENCE_S = 420
"""Far more than it takes (a minute, twice); only a machine that does much else beside needs it."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("demo")
    yield folder
    EmbeddedStack(folder / "demo" / "embedded").remove()


def command(state: Path, *flags: str) -> list[str]:
    return [sys.executable, "-m", "deploy", "demo", "--state", str(state), *flags]


def processes(state: Path) -> list[str]:
    """Command lines of what still runs on the folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words = [*(process.info["cmdline"] or ()), (process.info["environ"] or {}).get("YUQING_STATE_FOLDER", "")]
        if any(str(state) in word for word in words):
            found.append(" ".join(process.info["cmdline"] or ()))
    return found


@pytest.fixture(scope="module")
def told(state: Path) -> dict[str, Any]:
    """What one run with --json prints."""
    done = subprocess.run(command(state, "--json"), capture_output=True, text=True, timeout=PATIENCE_S)
    log = state / "demo" / "demo.log"
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-3000:]}\n{log.read_text()[-3000:]}"
    (line,) = done.stdout.splitlines()
    told: dict[str, Any] = json.loads(line)
    assert "signature verified" in done.stderr
    return told


def test_every_record_of_the_stream_is_accounted_for_exactly(told: dict[str, Any]) -> None:
    truth = edition(SEED, datetime.now(UTC)).truth
    assert told["documents"] == truth.documents
    assert told["repeated"] == truth.repeated
    assert told["dead_letters"] == truth.dead_letters
    assert told["dead"] == truth.dead
    assert told["stream"]["crisis_documents"] == truth.crisis_documents
    assert told["problems"] == []
    # Nothing was killed, so each living record was scored once.
    assert told["scored"] == truth.documents + truth.repeated
    assert told["trend_rows"] > truth.documents


def test_the_bank_run_reached_the_webhook(told: dict[str, Any]) -> None:
    about = [alert for alert in told["alerts"] if alert["entity"] == crisis().entity_id]
    assert about
    alert = max(about, key=lambda one: one["observed"])  # other detectors saw fewer stories of it
    assert alert["severity"] in {"warning", "critical"}
    assert alert["observed"] >= 8
    assert alert["expected"] < 2
    age = datetime.now(UTC) - datetime.fromisoformat(alert["bucket"])
    assert age.total_seconds() < 62 * 60 + PATIENCE_S


def test_latencies_versions_and_engine_are_told(told: dict[str, Any]) -> None:
    for name in ("row", "webhook"):
        measured = told["latency_ms"][name]
        assert 0 < measured["p50"] <= measured["p95"] <= measured["p99"]
    assert told["versions"]["kafka"].startswith("4.")
    assert told["versions"]["postgresql"].startswith("18.")
    assert set(told["versions"]) == {"kafka", "postgresql", "redis"}
    assert "onnxruntime" in told["engine"]
    assert told["seconds"] > 0


def test_nothing_is_left_running(told: dict[str, Any], state: Path) -> None:
    assert processes(state) == []


def test_a_second_run_is_stopped_by_ctrl_c_and_leaves_nothing_running(told: dict[str, Any], state: Path) -> None:
    log = state / "demo" / "demo.log"
    log.unlink()
    with subprocess.Popen(command(state), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ) as run:
        eventually(lambda: log.exists() and "role_started" in log.read_text(), timeout_s=PATIENCE_S)
        run.send_signal(signal.SIGINT)
        run.send_signal(signal.SIGINT)  # wrappers often pass a signal on that everyone has got already
        out, error = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 130
    assert out == b""
    assert b"Interrupted" in error
    assert b"Traceback" not in error
    assert processes(state) == []
