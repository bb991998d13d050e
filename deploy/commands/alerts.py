"""`yuqing alerts list|show`: what fired, and why. The answers to alerts are in `answers`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from deploy.alert_desk import alert_books
from deploy.commands.answers import add_answers
from deploy.commands.silences import add_silence
from deploy.options import AsJson, Config, State
from deploy.output import emit, table

__all__ = ["app"]

app = typer.Typer(help="What fired, why, and what you say to it.", no_args_is_help=True)


@app.command("list")
def list_alerts(
    active: Annotated[bool, typer.Option("--active", help="Only those that are not resolved.")] = False,
    entity: Annotated[str, typer.Option(help="Only those of this entity id.")] = "",
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 50,
    untold: Annotated[bool, typer.Option("--untold", help="Also those that ended before anybody was told.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """List alerts, newest first: those that were told or still wait to be."""
    from sqlalchemy import select

    from storage.tables import alerts, entities

    query = (
        select(alerts, entities.c.name)
        .outerjoin(entities, entities.c.entity_id == alerts.c.entity_id)
        .order_by(alerts.c.first_bucket.desc(), alerts.c.alert_id)
        .limit(limit)
    )
    if active:
        query = query.where(alerts.c.status != "resolved")
    if entity:
        query = query.where(alerts.c.entity_id == entity)
    if not untold:
        query = query.where((alerts.c.status != "resolved") | (alerts.c.held_by == ""))
    with alert_books(config, state) as engine, engine.connect() as connection:
        rows = [_brief(dict(row)) for row in connection.execute(query).mappings()]
    emit({"alerts": rows}, as_json, lambda result: _listed(result["alerts"]))
    return 0


@app.command()
def show(
    alert_id: Annotated[str, typer.Argument(help="The id, or its first characters.")],
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Show one alert with its evidence, its history and its deliveries."""
    from sqlalchemy import select

    from alerts.answers.standing import find
    from alerts.answers.transitions import actions_of
    from storage.tables import alert_feedback, alert_history, alerts, deliveries, delivery_alerts

    with alert_books(config, state) as engine, engine.connect() as connection:
        key = find(connection, alert_id)
        found = connection.execute(select(alerts).where(alerts.c.alert_id == key)).mappings().one()
        alert: dict[str, Any] = dict(found)
        alert["possible"] = actions_of(alert["status"], "analyst")
        history = select(alert_history).where(alert_history.c.alert_id == key).order_by(alert_history.c.entry_id)
        alert["history"] = [dict(row) for row in connection.execute(history).mappings()]
        verdicts = select(alert_feedback).where(alert_feedback.c.alert_id == key)
        verdicts = verdicts.order_by(alert_feedback.c.feedback_id)
        alert["verdicts"] = [dict(row) for row in connection.execute(verdicts).mappings()]
        told = select(delivery_alerts.c.webhook_id).where(delivery_alerts.c.alert_id == key)
        sent = (
            select(deliveries)
            .where((deliveries.c.alert_id == key) | deliveries.c.webhook_id.in_(told))
            .order_by(deliveries.c.seq)
        )
        alert["deliveries"] = [
            {name: row[name] for name in ("endpoint", "event_type", "state", "attempts", "last_error")}
            for row in connection.execute(sent).mappings()
        ]
    emit(alert, as_json, _shown)
    return 0


def _brief(row: dict[str, Any]) -> dict[str, Any]:
    kept = (
        "alert_id",
        "entity_id",
        "name",
        "detector",
        "severity",
        "status",
        "held_by",
        "first_bucket",
        "last_bucket",
        "observed",
        "expected",
    )
    return {name: row[name] for name in kept}


def _listed(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No alerts."
    head = ["alert", "first", "entity", "severity", "status", "observed", "expected"]
    return table(
        head,
        [
            (
                str(row["alert_id"])[:8],
                _minute(row["first_bucket"]),
                row["name"] or row["entity_id"],
                row["severity"],
                row["status"],
                row["observed"],
                f"{row['expected']:.2f}",
            )
            for row in rows
        ],
    )


def _shown(alert: dict[str, Any]) -> str:
    span = f"from {_minute(alert['first_bucket'])} to {_minute(alert['last_bucket'])}"
    expected = f"{alert['expected']:.2f} expected, p {alert['p_value']:.2g}"
    import msgspec

    from alerts.detection.lifecycle import COUNTED
    from alerts.detection.rule_seen import RuleSeen

    counted = COUNTED.get(alert["detector"], "counts")
    seen = f"{alert['observed']} {counted} within {alert['horizon_s'] // 60} minutes, {expected}"
    rule = alert["evidence"].get("rule")
    lines = [
        f"{alert['entity_id']}: {alert['severity']}, {alert['status']}, by {alert['detector']}",
        f"{span}: {msgspec.convert(rule, RuleSeen) if rule else seen}",
    ]
    documents = alert["evidence"].get("documents", [])
    if documents:
        lines.append(table(["published", "title"], [(one.get("published_at"), one.get("title")) for one in documents]))
    if documents and (words := documents[0].get("words")):
        lines.append("Telling words: " + ", ".join(word["text"] for word in words))
    if alert["history"]:
        steps = [(_minute(one["at"]), one["to_status"], one["actor"], one["reason"]) for one in alert["history"]]
        lines.append(table(["at", "status", "by", "why"], steps))
    lines.append(f"You may: {', '.join(alert['possible'])}.")
    if alert["deliveries"]:
        head = ["endpoint", "event_type", "state", "attempts", "last_error"]
        lines.append(table(head, [tuple(one[name] for name in head) for one in alert["deliveries"]]))
    return "\n\n".join(lines)


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}Z"


add_answers(app)
app.command("silence")(add_silence)
