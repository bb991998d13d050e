"""`yuqing backtest --documents`: the alarms that a stream of documents would have raised, by the live engine itself.

The documents are booked into a database of their own, as the windows stage books them, and judged by the engine with
the settings' detectors and rules, batch by batch. Nobody is told, and the installation's services are not touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deploy.errors import UsageError
from deploy.output import emit, table

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from alerts.engine import AlertEngine
    from deploy.document_stream import DocumentStream, RawScoring
    from deploy.scratch import Scratch
    from deploy.settings import Settings
    from storage.ingest import Ingested
    from stream.watchlist import Entity

__all__ = ["backtest_documents"]

_TITLES: Final = 2
_TITLE_CHARS: Final = 60
_SHOWN_FAULTS: Final = 5


@dataclass
class _Tally:
    """What was read; `late` came after its minute was called final."""

    records: int = 0
    stored: int = 0
    late: int = 0
    first: datetime | None = None
    last: datetime | None = None


def backtest_documents(settings: Settings, path: Path, *, plots: Sequence[Path], as_json: bool) -> int:
    """Prints the alarms; returns 1 where a line could not be read.

    Raises ReplayError for the file, EmbeddedError where no database can be started, MissingPartError for plots.
    """
    from deploy.document_stream import DocumentStream
    from deploy.roles import now
    from deploy.scratch import scratch_services
    from deploy.watch_lists import watched

    listed = watched(settings)
    with scratch_services() as scratch, _books(scratch, listed) as engine:
        stream = DocumentStream(path, cache(lambda: _scoring(settings, scratch, listed)), now)
        tally = _run(settings, engine, stream, len(listed))
        alarms = _alarms(engine)
        for plot in plots:
            _draw(engine, tally, alarms, path.name, plot)
    answer = {
        "documents": str(path),
        "records": tally.records,
        "stored": tally.stored,
        "late": tally.late,
        "first": tally.first,
        "last": tally.last,
        "unreadable": [{"line": line, "why": why} for line, why in stream.unreadable],
        "alarms": alarms,
        "plots": [str(plot) for plot in plots],
    }
    emit(answer, as_json, _shown)
    return 1 if stream.unreadable else 0


@contextmanager
def _books(scratch: Scratch, listed: Sequence[Entity]) -> Iterator[Engine]:
    from storage.connection import connect
    from storage.schema import migrate
    from storage.watchlist_table import sync

    engine = connect(scratch.database_url, pool_size=2)
    try:
        migrate(engine)
        sync(engine, listed)
        yield engine
    finally:
        engine.dispose()


def _scoring(settings: Settings, scratch: Scratch, listed: Sequence[Entity]) -> RawScoring:
    """What raw documents need; loaded when the first one comes."""
    import redis

    from deploy.document_stream import RawScoring
    from deploy.intake_parts import limits_of
    from deploy.weights import weights_folder
    from model.classifier import Classifier
    from stream.entities import EntityLinker
    from stream.intake import Intake
    from stream.novelty import StoryIndex

    chosen = settings.model
    classifier = Classifier.load(weights_folder(settings), engine=chosen.engine, threads=chosen.threads)
    window = timedelta(days=settings.intake.story_days)
    stories = StoryIndex(redis.Redis.from_url(scratch.redis_url), window=window)
    return RawScoring(Intake(EntityLinker(listed), limits_of(settings)), stories, classifier)


def _run(settings: Settings, engine: Engine, stream: DocumentStream, entities: int) -> _Tally:
    """Books and judges batch by batch: what a document changes is judged before the next ones are known."""
    from deploy.roles import now
    from storage.ingest import Ingest, ReadTo

    lateness = timedelta(seconds=settings.windows.allowed_lateness_s)
    ingest = Ingest(engine, allowed_lateness=lateness, clock=now)
    judging, tally = _judging(settings, engine, entities), _Tally()
    for batch in stream.batches():
        for one in batch:
            tally.late += tally.last is not None and one.published_at < tally.last - lateness
            tally.first = min(tally.first or one.published_at, one.published_at)
            tally.last = max(tally.last or one.published_at, one.published_at)
        tally.records += len(batch)
        booked: Ingested = ingest.scored(batch, [ReadTo("documents.scored", 0, tally.records)])
        tally.stored += booked.fresh
        judging.once()
    return tally


def _judging(settings: Settings, engine: Engine, entities: int) -> AlertEngine:
    from alerts.engine import AlertEngine
    from deploy.alert_parts import detectors_of, holding_of, timing_of
    from deploy.roles import now

    return AlertEngine(
        engine,
        detectors_of(settings, entities),
        (),
        clock=now,
        timing=timing_of(settings),
        holding=holding_of(settings),
        rules=[rule.judge() for rule in settings.alerts.rules],
    )


def _alarms(engine: Engine) -> list[dict[str, Any]]:
    """Every alert, oldest first, with the headlines of its evidence."""
    from sqlalchemy import func, select

    from alerts.detection.unlisted import name_of
    from storage.tables import alerts, entities

    names = ("alert_id", "detector", "entity_id", "severity", "first_bucket", "last_bucket")
    counts = ("horizon_s", "observed", "expected", "p_value", "held_by")
    query = (
        select(*(alerts.c[name] for name in (*names, *counts)), alerts.c.evidence)
        .add_columns(func.coalesce(entities.c.name, alerts.c.entity_id).label("name"))
        .outerjoin(entities, entities.c.entity_id == alerts.c.entity_id)
        .order_by(alerts.c.first_bucket, alerts.c.entity_id, alerts.c.detector)
    )
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [row | {"name": name_of(row["name"]), "evidence": row["evidence"]["documents"]} for row in rows]


def _draw(engine: Engine, tally: _Tally, alarms: Sequence[dict[str, Any]], title: str, path: Path) -> None:
    from alerts.reading.alarm_plots import Alarm, draw

    if tally.first is None or tally.last is None:
        raise UsageError(f"{path}: there is nothing to draw: the file has no documents")
    marks = [
        Alarm(one["entity_id"], one["name"], one["detector"], one["severity"], one["first_bucket"], one["last_bucket"])
        for one in alarms
    ]
    with engine.connect() as connection:
        draw(connection, marks, tally.first, tally.last, title, path)


def _shown(answer: dict[str, Any]) -> str:
    lines = [f"{answer['documents']}: {answer['records']:,} records, {answer['stored']:,} documents counted"]
    if answer["first"]:
        lines[0] += f", {answer['first']:%Y-%m-%d %H:%M} to {answer['last']:%Y-%m-%d %H:%M} UTC"
    if answer["late"]:
        lines.append(f"{answer['late']:,} came later than windows.allowed_lateness_s after newer ones: sort the file.")
    for fault in answer["unreadable"][:_SHOWN_FAULTS]:
        lines.append(f"line {fault['line']}: {fault['why']}")
    if more := len(answer["unreadable"]) - _SHOWN_FAULTS:
        lines += [f"{more:,} more lines could not be read."] if more > 0 else []
    if not answer["alarms"]:
        return "\n".join([*lines, "No alarm."])
    rows = [
        (
            f"{one['first_bucket']:%Y-%m-%d %H:%M}",
            f"{one['last_bucket']:%Y-%m-%d %H:%M}",
            one["name"],
            one["detector"],
            one["severity"],
            one["observed"],
            f"{one['expected']:.2f}",
            " / ".join(document["title"][:_TITLE_CHARS] for document in one["evidence"][:_TITLES]),
        )
        for one in answer["alarms"]
    ]
    head = ["first", "last", "company", "found by", "severity", "observed", "expected", "of"]
    return "\n".join([*lines, table(head, rows)])
