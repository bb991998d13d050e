"""What keeps parts running together, notes who runs, and waits for work to be done."""

from __future__ import annotations

import os
import socket
import threading
import urllib.request
from pathlib import Path

import pytest
from eventually import eventually

from deploy.backlog import Backlog, wait_until_settled
from deploy.embedded.stack import EmbeddedStack
from deploy.embedded.watch import watched_stack
from deploy.errors import EmbeddedError, RoleError, UsageError
from deploy.intake_parts import limits_of
from deploy.metrics import metrics_port, serve_metrics
from deploy.role_process import noted, running_roles
from deploy.roles import _kept_running, roles_for
from deploy.services import Services, known_services, open_services, stack_folder
from deploy.settings import Settings, load_settings
from deploy.threads import run_together
from deploy.up import child_environment, up
from stream.errors import StreamError
from stream.limits import Limits

ELSEWHERE = {
    "kafka": {"bootstrap": "k:1"},
    "database": {"url": "postgresql://u:hunter2@d/y"},
    "redis": {"url": "redis://r"},
}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return load_settings(flags=ELSEWHERE)


# Parts in threads


def test_parts_run_until_told_to_stop() -> None:
    stop, ended = threading.Event(), []

    def part(stop: threading.Event) -> None:
        stop.wait()
        ended.append(threading.current_thread().name)

    threading.Timer(0.01, stop.set).start()
    run_together({"a": part, "b": part}, stop)
    assert sorted(ended) == ["a", "b"]


def test_the_failure_of_one_part_stops_the_others_and_is_raised() -> None:
    def fails(_stop: threading.Event) -> None:
        raise ValueError("broken")

    stop = threading.Event()
    with pytest.raises(ValueError, match="broken"):
        run_together({"a": fails, "b": threading.Event.wait}, stop)  # type: ignore[dict-item]
    assert stop.is_set()


def test_a_source_that_fails_is_tried_again() -> None:
    tries: list[int] = []

    class Impatient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            return self.is_set()

    waits: list[float | None] = []

    class Flaky:
        def run(self, _stop: threading.Event) -> None:
            tries.append(1)
            if len(tries) < 4:
                raise StreamError("no such file")

    _kept_running("flaky", Flaky, Impatient())
    assert len(tries) == 4
    assert waits == [1, 2, 4]


# Who runs


def test_a_running_role_is_noted_in_the_state_folder_until_it_ends(tmp_path: Path) -> None:
    with noted("scorer", tmp_path):
        (role,) = running_roles(tmp_path)
        assert (role.role, role.pid) == ("scorer", os.getpid())
    assert running_roles(tmp_path) == []


def test_the_note_of_a_dead_process_is_removed(tmp_path: Path) -> None:
    notes = tmp_path / "roles"
    notes.mkdir()
    (notes / "scorer-1.json").write_text('{"role": "scorer", "pid": 1999999999, "started": 1.0}')
    (notes / "windows-2.json").write_text(f'{{"role": "windows", "pid": {os.getpid()}, "started": 1.0}}')
    (notes / "alerts-3.json").write_text("half a no")
    (notes / "source-4.json").write_text("[" * 100_000)
    (notes / "source-5.json").write_text('{"role": "source", "pid": 1e400, "started": 1.0}')
    assert running_roles(tmp_path) == []
    assert list(notes.iterdir()) == []


def test_two_supervisors_on_one_state_folder_are_one_too_many(settings: Settings, tmp_path: Path) -> None:
    import subprocess
    import sys

    import psutil

    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    note = settings.state_folder / "roles" / "supervisor-1.json"
    note.parent.mkdir(parents=True)
    started = psutil.Process(other.pid).create_time()
    note.write_text(f'{{"role": "supervisor", "pid": {other.pid}, "started": {started}}}')
    with pytest.raises(UsageError, match=f"already up on .* as process {other.pid}"):
        up(settings, ["scorer"])
    other.communicate(b"\n")


def test_the_source_role_runs_only_where_a_source_is_configured(settings: Settings) -> None:
    assert roles_for(settings) == ("scorer", "windows", "alerts", "scheduler", "console")
    assert "console" not in roles_for(load_settings(flags={"console": {"enabled": False}}))
    feed = {"name": "a", "kind": "rss", "feeds": [{"url": "https://x"}]}
    assert roles_for(load_settings(flags={"sources": [feed]}))[0] == "source"


def test_the_bounds_of_intake_begin_with_its_own_defaults(settings: Settings) -> None:
    assert limits_of(settings) == Limits()


# Where services are


def test_configured_services_are_used_as_they_are(settings: Settings) -> None:
    with open_services(settings) as services:
        assert services == known_services(settings)
    assert services.kafka == "k:1"
    assert "hunter2" not in repr(services)


def test_an_embedded_stack_that_does_not_run_is_not_known(settings: Settings) -> None:
    assert known_services(Settings()) is None
    assert stack_folder(Path("s")) == Path("s/embedded")


def test_a_role_is_told_where_the_services_are_and_what_flags_changed(settings: Settings) -> None:
    services = Services("k:2", "postgresql://d2", "redis://r2")
    told = child_environment(settings, services, Path("c.toml"), {"PATH": "/bin", "YUQING_DATABASE__URL_FILE": "f"})
    assert told["YUQING_KAFKA__BOOTSTRAP"] == "k:2"
    assert told["YUQING_DATABASE__URL"] == "postgresql://d2"
    assert told["YUQING_CONFIG"] == "c.toml"
    assert told["YUQING_INTAKE__WATCHLISTS"] == "[]"
    assert told["PATH"] == "/bin"
    assert "YUQING_DATABASE__URL_FILE" not in told


# Waiting for work to be done


def settle(*backlogs: Backlog, step_s: float = 1.0) -> tuple[bool, int]:
    looks = iter(backlogs)
    last = backlogs[-1]
    seen = 0

    def look() -> Backlog:
        nonlocal seen
        seen += 1
        return next(looks, last)

    now = iter(x * step_s for x in range(1000))
    return wait_until_settled(look, threading.Event(), every_s=0, seconds=lambda: next(now)), seen


def test_it_is_settled_when_nothing_is_left() -> None:
    assert settle(Backlog(5, 1, 1), Backlog(0, 1, 1), Backlog(0, 0, 1), Backlog(0, 0, 0))[0]


def test_buckets_that_wait_for_event_time_to_go_on_are_not_waited_for() -> None:
    settled, looks = settle(Backlog(5, 3, 0), Backlog(0, 3, 0))
    assert settled
    assert looks > 15


def test_waiting_ends_when_told_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    assert not wait_until_settled(lambda: Backlog(1, 0, 0), stop)


# Metrics


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_each_role_serves_metrics_on_a_port_of_its_own() -> None:
    assert [metrics_port(role, 9000) for role in ("source", "scorer", "scheduler")] == [9000, 9001, 9004]
    assert metrics_port("scorer", 0) == 0
    assert serve_metrics("source", host="127.0.0.1", port_base=0) == 0
    port = serve_metrics("source", host="127.0.0.1", port_base=free_port())
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        assert 'yuqing_build_info{python="' in page.read().decode()
    with pytest.raises(RoleError, match="cannot serve its metrics"):
        serve_metrics("source", host="127.0.0.1", port_base=port)


# The stack is looked after


class FakeStack(EmbeddedStack):
    def __init__(self, folder: Path, failures: int) -> None:
        super().__init__(folder)
        self.failures = failures
        self.starts = 0
        self.up = False

    def running(self) -> object:  # type: ignore[override]
        return self if self.up else None

    def start(self) -> object:  # type: ignore[override]
        self.starts += 1
        if self.starts <= self.failures:
            raise EmbeddedError("no room")
        self.up = True
        return self


def test_a_service_that_died_is_started_again_until_it_stays(tmp_path: Path) -> None:
    stack = FakeStack(tmp_path, failures=1)
    with watched_stack(stack, every_s=0.01):
        eventually(lambda: stack.up)
    assert stack.starts == 2
