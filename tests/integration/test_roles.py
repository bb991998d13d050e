"""Every role, built from settings and run in this process against real services: from a source to the account."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from eventually import eventually
from sqlalchemy import Engine, func, insert, select, text

from deploy import role_process
from deploy.backlog import backlog
from deploy.cli import main
from deploy.embedded import StackAddresses
from deploy.metrics import CHORES
from deploy.role_process import run_role
from deploy.roles import RUN_ROLE, now
from deploy.schedule import Chores, _reported
from deploy.services import Services, open_services, prepare, topics_of
from deploy.settings import Settings, load_settings
from deploy.threads import run_together
from storage.tables import alert_history, alerts, deliveries, document_keys, entities
from stream.documents import RawDocument
from stream.publisher import Publisher
from stream.topics import Topics

SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0"


@pytest.fixture
def settings(
    stack: StackAddresses,
    database_url: str,
    redis_url: str,
    topics: Topics,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "YUQING_KAFKA__BOOTSTRAP": stack.kafka,
        "YUQING_KAFKA__TOPIC_PREFIX": topics.raw.removesuffix("documents.raw"),
        "YUQING_KAFKA__GROUP": topics.raw,
        "YUQING_DATABASE__URL": database_url,
        "YUQING_REDIS__URL": redis_url,
        "YUQING_INTAKE__DEFAULT_WATCHLIST": "false",
        "YUQING_INTAKE__WATCHLISTS": '["ours.csv"]',
        "YUQING_DIGEST__WEBHOOKS": '["desk"]',
        "YUQING_WEBHOOKS": json.dumps([{"name": "desk", "url": "http://127.0.0.1:9/", "secret": SECRET}]),
        "YUQING_SOURCES": json.dumps([{"name": "archive", "kind": "replay", "files": ["archive.jsonl"]}]),
    }.items():
        monkeypatch.setenv(name, value)
    Path("ours.csv").write_text("entity_id,name\nQUILL.X,Quillfeather Rockets\n")
    lines = [
        {
            "source": "gazette",
            "guid": f"{number}",
            "title": f"Quillfeather Rockets closes yard {number}",
            "published_at": f"2026-03-02T01:{number:02}:00Z",
        }
        for number in range(10)
    ]
    Path("archive.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return load_settings()


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    with open_services(settings) as services:
        assert prepare(settings, services, threading.Event())
        yield services


def test_a_configured_source_flows_through_every_role_into_the_books(
    settings: Settings, services: Services, database: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    def booked() -> int:
        with database.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(document_keys)).scalar_one())

    def watch(stop: threading.Event) -> None:
        try:
            eventually(lambda: booked() == 10, timeout_s=90)
            eventually(lambda: backlog(database, services.kafka, topics_of(settings)).unread == 0)
        finally:
            stop.set()

    parts: dict[str, Any] = {name: partial(role, settings, services) for name, role in RUN_ROLE.items()}
    run_together({**parts, "watch": watch}, threading.Event())

    with database.connect() as connection:
        assert connection.execute(select(entities.c.name)).scalars().all() == ["Quillfeather Rockets"]
        days = connection.execute(text("select count(*) from pg_inherits where inhparent = 'documents'::regclass"))
        assert days.scalar_one() >= 5, "the days ahead have their partitions"
    assert main(["audit"]) == 0
    assert "Everything adds up." in capsys.readouterr().out


def test_an_entry_of_the_command_line_is_in_force_while_roles_run(
    settings: Settings, services: Services, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scorer reads in a process of its own. Its list and the names that SQL shows follow the entry."""
    monkeypatch.setenv("YUQING_INTAKE__PROCESSES", "1")
    settings = load_settings()

    numbers = itertools.count()

    def linked() -> bool:
        """Whether any of the documents that asking for it publishes was linked to the entry."""
        document = RawDocument(source="gazette", guid=f"moss-{next(numbers)}", title="Mossgate opens a branch")
        with Publisher(services.kafka, topics_of(settings)) as sink:
            sink.publish(document)
        with database.connect() as connection:
            query = text("SELECT count(*) FROM mentions WHERE entity_id = 'mossgate'")
            return connection.execute(query).scalar_one() > 0

    def named() -> list[str]:
        with database.connect() as connection:
            return list(connection.execute(select(entities.c.name).order_by(entities.c.name)).scalars())

    def watch(stop: threading.Event) -> None:
        try:
            eventually(lambda: named() == ["Quillfeather Rockets"], 90)
            assert main(["watchlist", "add", "Mossgate"]) == 0
            eventually(lambda: named() == ["Mossgate", "Quillfeather Rockets"])
            eventually(linked, 90, every_s=1)
            assert main(["watchlist", "withdraw", "mossgate"]) == 0
            eventually(lambda: named() == ["Quillfeather Rockets"])
            eventually(lambda: backlog(database, services.kafka, topics_of(settings)).unread == 0)
        finally:
            stop.set()

    parts: dict[str, Any] = {name: partial(RUN_ROLE[name], settings, services) for name in ("scorer", "windows")}
    run_together({**parts, "watch": watch}, threading.Event())
    assert main(["audit"]) == 0


def test_a_role_alone_prepares_what_it_needs_and_stops_when_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def stop_at_once(_settings: Settings, _services: Services, stop: threading.Event) -> None:
        told.extend(one.role for one in role_process.running_roles(settings.state_folder))
        assert not stop.is_set()

    monkeypatch.setattr(role_process, "RUN_ROLE", {"scheduler": stop_at_once})
    monkeypatch.setattr(role_process, "stop_on_signals", lambda _stop: None)
    monkeypatch.setattr(role_process, "hold_lifeline", lambda _stop: None)
    run_role("scheduler", settings)
    run_role("scheduler", settings, supervised=True)
    assert told == ["scheduler", "scheduler"]
    assert role_process.running_roles(settings.state_folder) == []


def test_the_digest_of_yesterday_is_queued_once_for_those_who_want_it(
    settings: Settings, services: Services, database: Engine
) -> None:
    chores = Chores(settings, database, now)
    chores.send_digest()
    chores.send_digest()
    with database.connect() as connection:
        rows = connection.execute(select(deliveries.c.endpoint, deliveries.c.event_type)).all()
    assert [tuple(row) for row in rows] == [("desk", "digest.daily")]


def test_retention_drops_days_beyond_it(settings: Settings, services: Services, database: Engine) -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    old = Chores(settings, database, lambda: at - timedelta(days=30))
    old.make_partitions()
    kept = load_settings(flags={"retention": {"days": 7}})
    Chores(kept, database, lambda: at).drop_old()
    with database.connect() as connection:
        left = connection.execute(text("select count(*) from pg_inherits where inhparent = 'documents'::regclass"))
        assert left.scalar_one() == 0


def test_a_chore_that_fails_is_counted_and_takes_nothing_with_it() -> None:
    def broken() -> None:
        raise ValueError("no")

    before = CHORES.labels("broken", "failed")._value.get()
    _reported("broken", broken)()
    assert CHORES.labels("broken", "failed")._value.get() == before + 1


def test_score_needs_no_service(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    Path("some.jsonl").write_text(
        '{"source": "gazette", "title": "Quillfeather Rockets wins a large order"}\n\nnot json\n'
        '{"source": "gazette", "guid": "7", "retracted": true}\n'
    )
    assert main(["score", "some.jsonl"]) == 1
    good, bad, takedown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (takedown["line"], takedown["retracted"]) == (4, True)
    assert (good["line"], good["mentions"][0]["entity_id"]) == (1, "QUILL.X")
    assert abs(good["negative"] + good["neutral"] + good["positive"] - 1) < 1e-5
    assert (bad["line"], bad["error"]) == (3, "not_json")
    archive = Path("archive.jsonl").read_bytes()
    Path("many.jsonl").write_bytes(archive * 10)
    assert main(["score", "many.jsonl"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 100


def test_replay_with_run_needs_no_other_terminal(
    settings: Settings, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", "archive.jsonl", "--run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["finished"]
    assert main(["audit", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["documents"] == 10


def test_an_alert_is_shown_with_its_evidence_history_and_deliveries(
    settings: Settings, services: Services, database: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["alerts", "list"]) == 0
    assert "No alerts." in capsys.readouterr().out
    alert_id, at = uuid4(), datetime(2026, 3, 2, 1, tzinfo=UTC)
    with database.begin() as connection:
        connection.execute(
            insert(alerts).values(
                alert_id=alert_id, entity_id="QUILL.X", detector="negative_surge", status="open", severity="warning",
                first_bucket=at, last_bucket=at, horizon_s=3600, observed=7, expected=0.25, p_value=1e-9,
                evidence={"documents": [{"published_at": "2026-03-02", "title": "Yard closes"}]},
                opened_at=at, updated_at=at,
            )
        )  # fmt: skip
        connection.execute(
            insert(alert_history).values(alert_id=alert_id, at=at, to_status="open", actor="engine", reason="a surge")
        )
        connection.execute(
            insert(deliveries).values(
                webhook_id="msg_1", alert_id=alert_id, endpoint="desk", event_type="alert.opened", payload={},
                created_at=at, next_attempt_at=at,
            )
        )  # fmt: skip
    assert main(["alerts", "list"]) == 0
    assert str(alert_id)[:8] in capsys.readouterr().out
    assert main(["alerts", "show", str(alert_id)[:6]]) == 0
    shown = capsys.readouterr().out
    assert "7 negative stories within 60 minutes, 0.25 expected" in shown
    for word in ("Yard closes", "a surge", "desk"):
        assert word in shown
    assert main(["alerts", "show", str(alert_id), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["history"][0]["to_status"] == "open"


def test_migrate_brings_an_empty_database_to_the_newest_schema(
    settings: Settings, empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("YUQING_DATABASE__URL", empty_database_url)
    assert main(["status"]) == 1
    assert "run `yuqing migrate`" in capsys.readouterr().out
    assert main(["doctor"]) == 1
    assert "run `yuqing migrate`" in capsys.readouterr().out
    assert main(["migrate"]) == 0
    assert "from nothing" in capsys.readouterr().out
