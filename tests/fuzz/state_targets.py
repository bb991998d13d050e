"""Files that we write ourselves and read after a restart: whatever a crash left in them."""

from __future__ import annotations

import sqlite3
from uuid import uuid4

from target import ARRIVED, Target, as_file, promise

from deploy.embedded.ports import known_ports
from deploy.embedded.process import ServiceProcess
from deploy.role_process import running_roles
from model.errors import ArtefactError
from model.promotion_log import promotions
from stream.sources.checkpoints import CheckpointFile
from stream.sources.errors import SourceOptionsError
from stream.sources.feed_state import FeedMemory, FeedState

__all__ = ["STATE"]


def _checkpoint(data: bytes) -> None:
    with as_file(data, "replay-id.json") as path:
        stored = CheckpointFile(path.parent, "id", "archive.jsonl").load()
        promise(stored.line >= 0 and stored.identity == "id", "a line of this very file")


def _feed_state(data: bytes) -> None:
    with as_file(data, "feeds.sqlite") as path, FeedMemory(path.parent) as memory:
        state = memory.load("https://wire.example/feed")
        memory.save("https://wire.example/feed", state, [uuid4()])
        memory.unseen("https://wire.example/feed", [uuid4()])


def _stored_feeds() -> bytes:
    with as_file(b"", "feeds.sqlite") as path:
        with FeedMemory(path.parent) as memory:
            state = FeedState(etag='"a"', last_modified="Mon", failures=2, not_before=ARRIVED)
            memory.save("https://wire.example/feed", state, [uuid4() for _ in range(5)])
        with sqlite3.connect(path) as base:
            base.execute("pragma journal_mode = delete")
        base.close()
        return path.read_bytes()


def _notes(data: bytes) -> None:
    with as_file(data, "windows-1.json") as path:
        roles = path.parent / "roles"
        roles.mkdir(exist_ok=True)
        (roles / path.name).write_bytes(data)
        try:
            running_roles(path.parent)
        finally:
            (roles / path.name).unlink(missing_ok=True)
            roles.rmdir()


def _ports(data: bytes) -> None:
    with as_file(data, "ports.json") as path:
        promise(all(0 < port < 2**16 for port in known_ports(path).values()), "ports")


def _service_record(data: bytes) -> None:
    with as_file(data, "kafka.json") as path:
        run = path.parent / "run"
        run.mkdir(exist_ok=True)
        (run / path.name).write_bytes(data)
        try:
            service = ServiceProcess("kafka", path.parent)
            service.running(), service.owner()
        finally:
            (run / path.name).unlink()
            run.rmdir()


def _promoted(data: bytes) -> None:
    with as_file(data, "promotions.json") as path:
        promotions(path.parent)


_PORTS = b'{"kafka": 20001, "controller": 20002, "postgres": 20003}'
_NOTE = b'{"role": "windows", "pid": 1, "started": 1.5}'
_PROCESS = b'{"pid": 1, "started": 1.5, "owner_pid": 1, "owner_started": 1.5}'
_PROMOTED = b'[{"at":"2026-03-02T11:00:00Z","action":"promote","version":"e5s6-1","verdict":null}]'
_CHECKPOINT = b'{"identity":"id","file":"archive.jsonl","line":12,"done":false}'

STATE = (
    Target("checkpoints", _checkpoint, (_CHECKPOINT,)),
    Target("feed_state", _feed_state, (_stored_feeds(),), (b"feeds", b"seen"), (SourceOptionsError,), 0.2),
    Target("role_notes", _notes, (_NOTE,), (b'"pid":',), share=0.5),
    Target("embedded_ports", _ports, (_PORTS,)),
    Target("service_records", _service_record, (_PROCESS,), share=0.5),
    Target("promotions", _promoted, (_PROMOTED,), (b'"rollback"',), (ArtefactError,)),
)
