"""`yuqing up` as an operator knows it: one command, and from another terminal the others. All of it is real.

One system is started for this file. Documents go in by `replay`; what comes out is read with the commands. Workers and
services are killed on the way, and the account must still balance.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from eventually import eventually
from prometheus_client.parser import text_string_to_metric_families
from promql import OF_PROMETHEUS, asked, filled

from deploy.cli import main
from deploy.dashboards.files import DASHBOARDS, RULES
from deploy.embedded import EmbeddedStack
from deploy.embedded.ports import HOST, is_free
from deploy.embedded.process import ServiceProcess
from deploy.role_process import running_roles
from deploy.services import stack_folder
from stream.documents import RawDocument, document_id

SETTINGS = """
[metrics]
port_base = {port}
[intake]
watchlists = ["ours.csv"]
[kafka]
partitions = 2
"""
WATCH_LIST = "entity_id,name\nQUILL.X,Quillfeather Rockets\n"
ROLES = {"scorer", "windows", "alerts", "scheduler", "console", "supervisor"}


class System:
    """A running `yuqing up` and the folder it runs in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / ".yuqing"
        self.port = next(port for port in range(19_000, 20_000, 10) if is_free(port))
        (folder / "yuqing.toml").write_text(SETTINGS.format(port=self.port))
        (folder / "ours.csv").write_text(WATCH_LIST)
        self._log = (folder / "up.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy", "up"],
            cwd=folder,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def pid(self, role: str) -> int:
        return next(one.pid for one in running_roles(self.state) if one.role == role)

    def roles(self) -> set[str]:
        return {one.role for one in running_roles(self.state)}

    def log(self) -> str:
        return (self.folder / "up.log").read_text()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(90)
        self._log.close()
        EmbeddedStack(stack_folder(self.state)).remove()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    running = System(tmp_path_factory.mktemp("up"))
    eventually(lambda: running.roles() == ROLES, timeout_s=90, what="every role runs")
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _there(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(system.folder)


def documents(name: str, count: int, *, hour: int) -> str:
    """A file of so many stories about one company, a minute apart."""
    lines = [
        {
            "source": "gazette",
            "guid": f"{name}-{number}",
            "title": f"Quillfeather Rockets reports trouble number {number} in its {name} works",
            "body": f"The {name} plant stood still for {number + 2} hours, and orders were lost.",
            "published_at": f"2026-03-02T{hour:02}:{number:02}:00Z",
        }
        for number in range(count)
    ]
    file = Path(f"{name}.jsonl")
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(file)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command in this process with --json; returns its exit code and what it printed."""

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main([*words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_what_is_replayed_is_scored_booked_and_adds_up(said: Any) -> None:
    file = documents("north", 20, hour=1)
    with Path(file).open("a") as lines:
        lines.write('{"source": "gazette", "title": ""}\n')
        lines.write("this is no document\n")
    code, replayed = said("replay", file, "--wait")
    assert (code, replayed["items"], replayed["published"], replayed["bad_lines"]) == (0, 22, 22, 1)

    code, audit = said("audit")
    assert code == 0, audit["differences"]
    before = audit["figures"]
    assert (before["documents"], before["dead"], before["mentions"]) == (20, 2, 20)

    assert said("replay", file, "--wait")[0] == 0
    code, audit = said("audit")
    assert code == 0, audit["differences"]
    assert audit["figures"]["documents"] == 20, "the same items again change nothing"
    assert audit["figures"]["trend_rows"] == before["trend_rows"]
    assert audit["figures"]["repeated"] == before["repeated"] + 20


def test_status_sees_a_healthy_system(said: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code, status = said("status")
    assert code == 0
    assert {one["role"] for one in status["roles"]} == ROLES
    assert set(status["lag"]) == {"0", "1"}
    assert main(["status"]) == 0


def test_the_doctor_finds_nothing_wrong(said: Any) -> None:
    def wrong() -> list[str]:
        return [f"{one['name']}: {one['seen']}" for one in said("doctor")[1]["checks"] if not one["ok"]]

    # A busy machine may keep a request waiting beyond the doctor's own patience.
    # How much room there is, and how far Shanghai has told its holidays, is not ours.
    eventually(lambda: [one for one in wrong() if not one.startswith(("disk", "markets"))] == [], timeout_s=90)


def test_each_role_serves_its_metrics(system: System) -> None:
    for place in range(1, 5):
        with urllib.request.urlopen(f"http://{HOST}:{system.port + place}/metrics") as page:
            assert "yuqing_build_info" in page.read().decode()


def test_what_dashboards_and_rules_ask_for_is_served(system: System) -> None:
    served: set[str] = set()
    for place in range(1, 6):
        with urllib.request.urlopen(f"http://{HOST}:{system.port + place}/metrics") as page:
            served |= {family.name for family in text_string_to_metric_families(page.read().decode())}
    texts = [query.expr for page in DASHBOARDS for row in page.rows for panel in row.panels for query in panel.queries]
    texts += [rule.expr for rules in RULES.values() for rule in rules]
    named = {each.metric for text in texts for each in asked(filled(text))} - set(OF_PROMETHEUS)
    families = {re.sub("_(total|bucket|sum|count)$", "", name) for name in named}
    elsewhere = {name for name in families if name.startswith("yuqing_source_")}  # no source runs here
    assert len(families) > 40
    assert families - elsewhere <= served


def test_dead_letters_can_be_listed_shown_sent_again_and_dropped(said: Any, capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.jsonl").write_text("one broken line\nanother broken line\n")
    assert said("replay", "broken.jsonl", "--wait")[0] == 0
    _, listed = said("dead-letters", "list", "--reason", "not_json")
    letter = listed["dead_letters"][-1]
    place = f"{letter['partition']}:{letter['offset']}"
    _, shown = said("dead-letters", "show", place)
    assert "broken line" in shown["value"] or "no document" in shown["value"]
    assert main(["dead-letters", "list"]) == 0
    assert place in capsys.readouterr().out

    assert said("dead-letters", "replay", place) == (0, {"replayed": 1})
    assert said("replay", documents("south", 1, hour=2), "--wait")[0] == 0
    code, audit = said("audit")
    assert code == 0, audit["differences"]
    _, again = said("dead-letters", "list", "--all")
    states = [one["state"] for one in again["dead_letters"]]
    assert states.count("replayed") == 1

    _, rest = said("dead-letters", "list")
    assert said("dead-letters", "drop", "--all") == (0, {"dropped": len(rest["dead_letters"])})
    assert said("dead-letters", "list")[1] == {"dead_letters": []}
    assert main(["dead-letters", "list"]) == 0
    assert main(["dead-letters", "drop"]) == 2
    assert main(["dead-letters", "show", "0:999999"]) == 2
    assert main(["dead-letters", "show", "here"]) == 2


def test_documents_are_taken_down_from_another_terminal_and_from_a_file(said: Any) -> None:
    assert said("replay", documents("west", 3, hour=3), "--wait")[0] == 0
    before = said("audit")[1]["figures"]
    west = [str(document_id(RawDocument(source="gazette", guid=f"west-{number}"))) for number in range(3)]
    Path("gone.jsonl").write_text('{"source": "gazette", "guid": "west-1", "retracted": true}\n')

    code, told = said("documents", "retract", west[0])
    assert (code, told["counts"]) == (0, "taken out"), "somebody reads the log, so it was waited for"
    assert said("replay", "gone.jsonl", "--wait")[0] == 0
    code, told = said("documents", "erase", west[2])
    assert (code, told["counts"], told["erased"]["documents"]) == (0, "kept", 1)

    code, audit = said("audit")
    assert code == 0, audit["differences"]
    after = audit["figures"]
    assert (after["documents"], after["retracted"]) == (before["documents"] - 2, before["retracted"] + 2)
    assert said("status")[1]["documents"] == after["documents"]


def test_alerts_can_be_listed_and_an_unknown_one_is_wrong_use(said: Any) -> None:
    code, listed = said("alerts", "list", "--active", "--entity", "NOBODY.X")
    assert (code, listed) == (0, {"alerts": []})
    assert main(["alerts", "list", "--entity", "NOBODY.X"]) == 0
    assert main(["alerts", "show", "ffffffff"]) == 2


def test_a_second_up_on_the_same_state_is_refused() -> None:
    done = subprocess.run([sys.executable, "-m", "deploy", "up"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "already up" in done.stderr


def test_killed_roles_are_started_again_and_nothing_is_lost_or_doubled(system: System, said: Any) -> None:
    victims = {role: system.pid(role) for role in ("scorer", "windows")}
    assert said("replay", documents("lake", 40, hour=4))[0] == 0
    for pid in victims.values():
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: all(system.pid(role) != pid for role, pid in victims.items()), timeout_s=60)
    code, replayed = said("replay", documents("harbour", 10, hour=5), "--wait")
    assert (code, replayed["finished"]) == (0, True)
    code, audit = said("audit")
    assert code == 0, audit["differences"]


def test_a_killed_database_is_started_again_and_the_stream_goes_on(system: System, said: Any) -> None:
    folder = stack_folder(system.state)
    postmaster = ServiceProcess("postgres", folder).running()
    assert postmaster is not None
    postmaster.kill()
    eventually(
        lambda: (new := ServiceProcess("postgres", folder).running()) and new.pid != postmaster.pid, timeout_s=60
    )
    eventually(lambda: EmbeddedStack(folder).running(), timeout_s=60)
    code, replayed = said("replay", documents("west", 10, hour=7), "--wait")
    assert (code, replayed["finished"]) == (0, True)
    code, audit = said("audit")
    assert code == 0, audit["differences"]
    assert system.roles() == ROLES


def test_migrate_on_a_current_schema_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"]) == 0
    assert "already" in capsys.readouterr().out


def test_sigterm_stops_the_flow_in_order_then_the_services_and_exits_with_0(system: System) -> None:
    children = psutil.Process(system.process.pid).children(recursive=True)
    system.process.send_signal(signal.SIGTERM)
    assert system.process.wait(90) == 0
    eventually(lambda: not [child for child in children if child.is_running()], timeout_s=20)
    stopped = [json.loads(line) for line in system.log().splitlines() if '"role_stopped"' in line]
    assert [one["role"] for one in stopped] == ["scorer", "windows", "alerts", "scheduler", "console"]
    assert {one["exit_code"] for one in stopped} == {0}
    assert EmbeddedStack(stack_folder(system.state)).running() is None
    assert running_roles(system.state) == []
