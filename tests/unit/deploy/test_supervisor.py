"""The supervisor keeps roles alive, backs off from one that keeps dying, and stops them in the order of the flow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

import pytest
from eventually import eventually

from deploy.lifeline import hold_lifeline, stop_on_signals
from deploy.supervisor import Supervisor, spawn_role


class FakeProcess:
    """A process that dies when told to, and on SIGTERM unless it is stubborn."""

    pid = 1
    stdin = None

    def __init__(self, role: str, journal: list[str], *, stubborn: bool = False) -> None:
        self.role = role
        self.code: int | None = None
        self._journal = journal
        self._stubborn = stubborn

    def poll(self) -> int | None:
        return self.code

    def wait(self) -> int:
        assert self.code is not None, "still running"
        return self.code

    def send_signal(self, number: int) -> None:
        self._journal.append(f"{self.role} got {signal.Signals(number).name}")
        if not self._stubborn:
            self.code = 0

    def kill(self) -> None:
        self._journal.append(f"{self.role} killed")
        self.code = -9


class Stage:
    """Fake processes on a clock that the test moves."""

    def __init__(self, *roles: str, stubborn: tuple[str, ...] = ()) -> None:
        self.now = 0.0
        self.journal: list[str] = []
        self.processes: dict[str, FakeProcess] = {}
        self._stubborn = stubborn
        self.supervisor = Supervisor(
            {role: [role] for role in roles}, {}, grace_s=0.05, spawn=self._spawn, seconds=lambda: self.now
        )

    def _spawn(self, argv: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        role = argv[0]
        self.journal.append(f"{role} started")
        self.processes[role] = FakeProcess(role, self.journal, stubborn=role in self._stubborn)
        return self.processes[role]  # type: ignore[return-value]

    def die(self, role: str, code: int = 1) -> None:
        self.processes[role].code = code
        self.supervisor.look()

    def starts(self, role: str) -> int:
        return self.journal.count(f"{role} started")


def test_every_role_is_started_once() -> None:
    stage = Stage("source", "scorer")
    stage.supervisor.look()
    stage.supervisor.look()
    assert stage.journal == ["source started", "scorer started"]


def test_a_role_that_dies_is_started_again_at_once_and_the_others_go_on() -> None:
    stage = Stage("source", "scorer")
    stage.supervisor.look()
    stage.die("scorer")
    assert stage.starts("scorer") == 2
    assert stage.starts("source") == 1


def test_a_role_that_keeps_dying_waits_ever_longer_up_to_half_a_minute() -> None:
    stage = Stage("scorer")
    stage.supervisor.look()
    stage.die("scorer")
    for delay in (0.5, 1, 2, 4, 8, 16, 30, 30):
        before = stage.starts("scorer")
        stage.die("scorer")
        stage.now += delay - 0.01
        stage.supervisor.look()
        assert stage.starts("scorer") == before
        stage.now += 0.02
        stage.supervisor.look()
        assert stage.starts("scorer") == before + 1


def test_a_role_that_had_run_for_a_minute_is_forgiven() -> None:
    stage = Stage("scorer")
    stage.supervisor.look()
    for _ in range(3):
        stage.now += 61
        before = stage.starts("scorer")
        stage.die("scorer")
        assert stage.starts("scorer") == before + 1


def test_a_role_that_was_called_wrongly_ends_everything_with_exit_code_2() -> None:
    stage = Stage("source", "scorer")
    stage.supervisor.look()
    stage.processes["scorer"].code = 2
    assert stage.supervisor.run(threading.Event(), threading.Event()) == 2
    assert stage.processes["source"].code == 0


def test_roles_stop_in_the_order_of_the_flow_each_after_the_one_before_it_ended() -> None:
    stage = Stage("source", "scorer", "windows", "alerts")
    stop = threading.Event()
    stage.supervisor.look()
    stop.set()
    assert stage.supervisor.run(stop, threading.Event()) == 0
    assert stage.journal[4:] == [f"{role} got SIGTERM" for role in ("source", "scorer", "windows", "alerts")]


def test_a_second_ctrl_c_kills_what_does_not_end() -> None:
    stage = Stage("source", "scorer", stubborn=("source",))
    stage.supervisor.look()
    force = threading.Event()
    force.set()
    stage.supervisor.stop(force)
    assert stage.journal[2:] == ["source got SIGTERM", "source killed", "scorer got SIGTERM"]


def test_a_role_that_ignores_its_grace_is_killed() -> None:
    stage = Stage("source", stubborn=("source",))
    stage.supervisor.look()
    later = iter(range(100))
    stage.supervisor._seconds = lambda: float(next(later))
    stage.supervisor.stop(threading.Event())
    assert "source killed" in stage.journal


def test_a_real_child_ends_when_its_supervisor_does_even_by_kill_9() -> None:
    role = (
        "import threading; from deploy.lifeline import hold_lifeline; s = threading.Event(); hold_lifeline(s); s.wait()"
    )
    parent = (
        "import os, sys; from deploy.supervisor import spawn_role\n"
        "child = spawn_role([sys.executable, '-c', sys.argv[1]], os.environ)\n"
        "print(child.pid, flush=True); child.wait()"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", parent, role], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    child = int(supervisor.stdout.readline())
    assert os.getsid(child) == child, "Ctrl-C in the terminal does not reach it"
    supervisor.kill()
    supervisor.wait()
    eventually(lambda: not alive(child), timeout_s=20)
    supervisor.stdout.close()


def alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_spawned_roles_hold_the_other_end_of_the_lifeline() -> None:
    child = spawn_role([sys.executable, "-c", "import sys; sys.stdin.read()"], os.environ)
    assert child.poll() is None
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(20) == 0


def test_a_process_that_does_not_stop_after_its_supervisor_is_gone_ends_itself() -> None:
    reader, writer = os.pipe()
    ended = threading.Event()
    stop = threading.Event()
    hold_lifeline(stop, descriptor=reader, grace_s=0.01, end=lambda code: ended.set())
    os.close(writer)
    assert stop.wait(5)
    assert ended.wait(5)
    os.close(reader)


def test_the_first_signal_stops_and_the_second_forces(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    stop, force = threading.Event(), threading.Event()
    try:
        stop_on_signals(stop, force)
        signal.raise_signal(signal.SIGINT)
        assert (stop.is_set(), force.is_set()) == (True, False)
        signal.raise_signal(signal.SIGTERM)
        assert force.is_set()
        codes: list[int] = []
        monkeypatch.setattr(os, "_exit", codes.append)
        stop_on_signals(stop)
        signal.raise_signal(signal.SIGINT)
        assert codes == [130]
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
