"""`yuqing status`: what runs, how far it is, and what came out of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, func, select, text

from deploy.output import emit, table
from deploy.role_process import running_roles
from deploy.services import Services, known_services, topics_of
from deploy.settings import Settings

__all__ = ["gather", "show_status"]


def show_status(settings: Settings, *, as_json: bool) -> int:
    """Prints the state; returns 1 when services or roles do not run, or the database takes no writes.

    Raises what a service that is away raises.
    """
    services = known_services(settings)
    roles = running_roles(settings.state_folder)
    result: dict[str, Any] = {
        "running": services is not None,
        "roles": [{"role": one.role, "pid": one.pid} for one in roles],
    }
    if services is not None:
        result |= gather(settings, services)
    missing = {"scorer", "windows", "alerts"} - {one.role for one in roles}
    result["missing_roles"] = sorted(missing)
    emit(result, as_json, _worded)
    return 1 if missing or services is None or "unwritable" in result else 0


def gather(settings: Settings, services: Services) -> dict[str, Any]:
    """Lag per partition, watermark, and the counts of documents, dead letters, alerts and deliveries."""
    from deploy.backlog import unread
    from storage.absence import ADVICE, unwritable
    from storage.connection import connect
    from storage.losses import lost
    from storage.schema import head, revision
    from stream.topics import TopicsError, offsets

    engine = connect(services.database_url, pool_size=1)
    try:
        at, why = revision(engine), unwritable(engine)
        if why:
            return {"schema": at, "unwritable": why, "fix": ADVICE[why]}
        if at != head():
            return {"schema": at, "schema_wanted": head()}
        topics = topics_of(settings)
        try:
            lag, backfill = (unread(engine, services.kafka, topic) for topic in topics.incoming)
            ends = {topic: offsets(services.kafka, topic) for topic in topics.names()}
        except TopicsError as error:
            return {"schema": at, "broker": str(error)}
        incoming = {(topic, number): span for topic in topics.incoming for number, span in ends[topic].items()}
        with engine.connect() as connection:
            losses = lost(connection, incoming)
        return {
            "schema": at,
            "lost": {f"{one.topic}/{one.partition}:{one.first_offset}": one.records for one in losses},
            "lag": {str(partition): records for partition, records in lag.items()},
            "backfill": sum(backfill.values()),
            "records": {topic: sum(end - first for first, end in found.values()) for topic, found in ends.items()},
            **_counts(engine),
        }
    finally:
        engine.dispose()


def _counts(engine: Engine) -> dict[str, Any]:
    from storage.tables import alerts, dead_letters, deliveries, document_keys, positions

    with engine.connect() as connection:
        newest, moved = connection.execute(
            # A partition that has brought nothing yet stands at -infinity.
            select(func.min(func.nullif(positions.c.event_time, text("'-infinity'"))), func.max(positions.c.updated_at))
        ).one()
        return {
            "watermark": newest,
            "last_commit": moved,
            "documents": connection.execute(
                select(func.count()).select_from(document_keys).where(document_keys.c.withdrawn_at.is_(None))
            ).scalar_one(),
            "dead_letters": _by(connection, dead_letters.c.reason, dead_letters.c.state == "open"),
            "alerts": _by(connection, alerts.c.status),
            "deliveries": _by(connection, deliveries.c.state),
            "endpoints": _troubled(connection),
        }


def _troubled(connection: Connection) -> dict[str, str]:
    """By endpoint that is disabled or rests, why."""
    from storage.tables import endpoint_states

    disabled, resting = endpoint_states.c.disabled_at, endpoint_states.c.resting_until
    query = select(endpoint_states).where(disabled.is_not(None) | resting.is_not(None))
    return {
        row.endpoint: f"{'disabled' if row.disabled_at else 'resting'}: {row.why}"
        for row in connection.execute(query.order_by(endpoint_states.c.endpoint))
    }


def _by(connection: Connection, column: Any, *where: Any) -> dict[str, int]:
    query = select(column, func.count()).where(*where).group_by(column).order_by(column)
    return {row[0]: row[1] for row in connection.execute(query)}


def _worded(result: dict[str, Any]) -> str:
    if not result["running"]:
        return "Nothing runs here. `yuqing up` starts it."
    lines = [table(["role", "process"], [(one["role"], str(one["pid"])) for one in result["roles"]])]
    if result["missing_roles"]:
        lines.append(f"Not running: {', '.join(result['missing_roles'])}.")
    if "unwritable" in result:
        lines.append(f"The database takes no writes: {result['unwritable'].replace('_', ' ')}. {result['fix']}.")
    elif "schema_wanted" in result:
        lines.append(f"The schema is at {result['schema'] or 'nothing'}: run `yuqing migrate`.")
    elif "broker" in result:
        lines.append(result["broker"])
    else:
        lines.append(table(["partition", "unread"], list(result["lag"].items())))
        lines.append(f"documents {result['documents']:,} · watermark {result['watermark'] or 'none yet'}")
        if result["lost"]:
            told = ", ".join(f"{records:,} from {place}" for place, records in result["lost"].items())
            lines.append(f"LOST before they were counted: {told}; see `yuqing losses list`")
        for name in ("dead_letters", "alerts", "deliveries"):
            counts = ", ".join(f"{kind} {count:,}" for kind, count in result[name].items())
            lines.append(f"{name.replace('_', ' ')}: {counts or 'none'}")
        lines += [f"{name} is {why}" for name, why in result["endpoints"].items()]
    return "\n\n".join(lines)
