"""What the database says after, and during, a run: counts, a table of trends, and when an alarm was tipped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

__all__ = ["Books", "Counted", "TrendLine", "counted", "read_books", "tipped_at", "trend_lines"]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many raw records have an outcome, by outcome."""

    stored: int
    repeated: int
    dead: int

    @property
    def records(self) -> int:
        """All of them."""
        return self.stored + self.repeated + self.dead


@dataclass(frozen=True, slots=True)
class Books:
    """The figures that are compared with the truth. `documents` are rows, `counted` is what the ledger says."""

    counted: Counted
    documents: int
    dead: dict[str, int]
    trend_rows: int
    crisis_documents: int
    engines: tuple[str, ...]
    """Every model version that scored something."""


@dataclass(frozen=True, slots=True)
class TrendLine:
    """Some minutes of one entity, as the view `trends` tells them."""

    bucket: datetime
    documents: int
    stories: int
    negative: int
    mean_score: float
    revision: int
    state: str


def counted(connection: Connection) -> Counted:
    """The ledger's sums; cheap enough to ask several times a second."""
    row = connection.execute(
        text("SELECT coalesce(sum(stored), 0), coalesce(sum(repeated), 0), coalesce(sum(dead), 0) FROM ledger")
    ).one()
    return Counted(*map(int, row))


def read_books(connection: Connection, *, crisis_entity: str) -> Books:
    """All figures, in one transaction's view."""
    dead: Any = connection.execute(text("SELECT reason, count(*) FROM dead_letters GROUP BY 1 ORDER BY 1"))
    engines: Any = connection.execute(text("SELECT DISTINCT model_version FROM documents ORDER BY 1"))
    return Books(
        counted=counted(connection),
        documents=_number(connection, "SELECT count(*) FROM documents"),
        dead=dict(dead.all()),
        trend_rows=_number(connection, "SELECT count(*) FROM trends"),
        crisis_documents=_number(
            connection, "SELECT count(*) FROM mentions WHERE entity_id = :entity", entity=crisis_entity
        ),
        engines=tuple(engine for (engine,) in engines),
    )


def trend_lines(connection: Connection, *, entity: str, limit: int = 8) -> list[TrendLine]:
    """The worst minutes of an entity in order of time: what an analyst would ask `trends` first."""
    rows = connection.execute(
        text(
            "SELECT * FROM (SELECT bucket, documents, stories, negative, mean_score, revision, state FROM trends "
            "WHERE entity_id = :entity AND topic = '*' ORDER BY negative DESC, bucket DESC LIMIT :limit) worst "
            "ORDER BY bucket"
        ),
        {"entity": entity, "limit": limit},
    )
    return [TrendLine(*row) for row in rows]


def tipped_at(connection: Connection, *, entity: str, opened_at: datetime) -> datetime | None:
    """When the document arrived that tipped an alarm: the last bad one that was visible as the alarm was raised."""
    found = connection.execute(
        text(
            "SELECT max(d.arrived_at) FROM mentions m JOIN documents d USING (document_id, published_at) "
            "JOIN document_keys k USING (document_id) WHERE m.entity_id = :entity AND m.sentiment = 'negative' "
            "AND pg_xact_commit_timestamp(k.xmin) <= :opened_at"
        ),
        {"entity": entity, "opened_at": opened_at},
    ).scalar_one()
    return found if isinstance(found, datetime) else None


def _number(connection: Connection, query: str, **parameters: str) -> int:
    return int(connection.execute(text(query), parameters).scalar_one())
