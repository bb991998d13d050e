"""A stage for the API and the console: a real alert on Acme, hostile headlines, tokens, and a client.

Everything is written by the product's own parts: ingest, alert engine, explainer with the real model, index, tokens.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, insert, select, update

sys.path.append(str(Path(__file__).parent / "integration"))

from alert_stage import DESK, NOON, Stage, Story

from alerts import tokens
from alerts.api.limits import Limits
from alerts.api.parts import Parts
from alerts.console.app import console_app
from alerts.desk import Desk
from alerts.detection.baselines import Baseline
from alerts.explaining import Explaining
from alerts.live import Live
from alerts.tokens import Role, Scope
from deploy.alert_words import WordsOfModel
from deploy.watch_matching import FollowedLists
from model.artefact import COMMITTED
from storage.connection import connect
from storage.search_index import index_waiting
from storage.tables import alerts, entities
from stream.watchlist import Entity, Row, WatchList

__all__ = ["HOSTILE", "TELLING", "ConsoleStage", "stage_console", "wall_clock"]

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> Acme & Söhne 停牌"
"""A headline that would run in a careless page."""

TELLING = "The bank <i>defaults</i> on its bonds as an inquiry into fraud widens, it said on Monday."
"""What stands below that headline in the document that tells most of Acme's alert."""

ACME = Entity(entity_id="acme", name="Acme Ltd")
BETA = Entity(
    entity_id="beta", name="Beta <b>Bank</b>", aliases=("Beta",), tickers=("BET",), groups=("banks", "lenders")
)
LISTS = WatchList(default=[BETA], rows=[Row(where="ours.csv:2", entity=ACME)])
"""Acme stands in the operator's own file."""


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


@dataclass
class ConsoleStage:
    """The application's parts on a database that holds something, and the tokens that open it."""

    database: Engine
    parts: Parts
    tokens: dict[str, str]
    _app: FastAPI | None = None

    def close(self) -> None:
        """Ends every connection."""
        for engine in (self.parts.reader, self.parts.writer, self.database):
            engine.dispose()

    def app(self) -> FastAPI:
        """The console and the API on these parts; the same at each call."""
        self._app = self._app or console_app(self.parts, https=False)
        return self._app

    def client(self, role: str = "analyst") -> TestClient:
        """A client that shows the token of a role."""
        headers = {"Authorization": f"Bearer {self.tokens[role]}"}
        return TestClient(self.app(), headers=headers, base_url="http://testserver/api/v1")

    def browser(self, role: str = "analyst") -> TestClient:
        """A browser in which somebody with this role is logged in."""
        client = TestClient(self.app(), headers={"Origin": "http://testserver"})
        answer = client.post("/login", data={"token": self.tokens[role]})
        assert answer.status_code == 200, answer.text
        return client

    def token(
        self, role: Role, *, name: str = "", lasts: timedelta = timedelta(days=1), scopes: list[Scope] | None = None
    ) -> str:
        """Another token."""
        with self.database.begin() as connection:
            actor = name or f"a {role}"
            return tokens.create(connection, actor, role, now=wall_clock(), lasts=lasts, scopes=scopes)[1]

    def earlier(
        self,
        entity_id: str,
        days: int,
        *,
        topics: Sequence[str] = (),
        detector: str = "negative_surge",
        status: str = "resolved",
    ) -> UUID:
        """Another alert, like the stage's own ones, that began so many days before noon."""
        alert_id, at = uuid4(), NOON - timedelta(days=days)
        with self.database.begin() as connection:
            row = dict(connection.execute(select(alerts)).mappings().first() or {})
            row |= {"alert_id": alert_id, "entity_id": entity_id, "first_bucket": at, "last_bucket": at}
            row |= {"topics": list(topics), "detector": detector, "status": status, "episode": "over"}
            connection.execute(insert(alerts).values(row))
        return alert_id

    def alert_id(self, entity_id: str = "acme") -> UUID:
        """The newest alert of a company."""
        with self.database.connect() as connection:
            query = select(alerts.c.alert_id).where(alerts.c.entity_id == entity_id)
            query = query.order_by(alerts.c.first_bucket.desc())
            found: UUID = connection.execute(query).scalars().first()
            return found


def stage_console(database: Engine) -> ConsoleStage:
    """Publishes a calm week and surges on Acme and Beta, has the engine judge them, and makes tokens."""
    stage = Stage(database)
    with database.begin() as connection:
        beta = {"entity_id": "beta", "name": "Beta <b>Bank</b>", "aliases": ["Beta"], "tickers": ["BET"]}
        connection.execute(insert(entities), [beta | {"groups": ["banks", "lenders"]}])
        connection.execute(update(entities).where(entities.c.entity_id == "acme").values(groups=["lenders"]))
    stage.calm()
    stage.surge()
    stage.publish(
        *(Story(20 + minute, "beta", title=f"{HOSTILE} {minute}", url="javascript:alert(3)") for minute in range(6)),
        Story(31, title=HOSTILE, body=TELLING, score=-0.99, url='https://news.example/a?"><script>alert(4)</script>'),
        Story(32, title="央行宣布降息", sentiment="positive", score=0.8),
        Story(33, title="Acme misses a payment", novelty="reprint"),
    )
    stage.later(60)
    stage.engine().once()
    Explaining(database, lambda: WordsOfModel(COMMITTED), wall_clock).once()
    index_waiting(database)
    return on_database(database)


def on_database(database: Engine, *, per_minute: int = 100_000, failures_per_minute: int = 10) -> ConsoleStage:
    """The application's parts on a database that is filled already."""
    url = database.url.render_as_string(hide_password=False)
    parts = Parts(
        reader=connect(url, pool_size=4, statement_timeout_s=5, read_only=True),
        writer=connect(url, pool_size=4, statement_timeout_s=5),
        clock=wall_clock,
        limits=Limits(per_minute=per_minute, failures_per_minute=failures_per_minute),
        live=Live(database, clock=wall_clock, poll_s=0.05),
        desk=Desk(database, [DESK], wall_clock),
        baseline=Baseline(history_days=5),
        lists=FollowedLists(LISTS),
    )
    staged = ConsoleStage(database, parts, {})
    for role in tokens.ROLES:
        staged.tokens[role] = staged.token(role)
    return staged
