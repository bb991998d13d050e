"""The same event in other people's forms: as Alertmanager sends it, or as Alertmanager takes it.

`alertmanager` is the body of Alertmanager's webhook (version 4), which many receivers read. `alertmanager_api` is the
list that its API takes at /api/v2/alerts: there Alertmanager itself groups, silences and routes.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from alerts.delivery.messages import message, parsed
from alerts.delivery.payload import AlertData, AlertPayload, GroupMember

__all__ = ["FORMATS", "Format", "body_in"]

Format = Literal["standard", "alertmanager", "alertmanager_api"]
FORMATS: Final[tuple[Format, ...]] = ("standard", "alertmanager", "alertmanager_api")

_NEVER: Final = "0001-01-01T00:00:00Z"
"""What Alertmanager writes where an alert has not ended."""


def body_in(form: Format, body: str, receiver: str) -> str:
    """The body of a delivery in another form; what is no alert (a test, a digest) stays as it is."""
    if form == "standard":
        return body
    payload = parsed(body)
    if not isinstance(payload, AlertPayload):
        return body
    alerts = _alerts(payload)
    if form == "alertmanager_api":
        plain = [{name: each[name] for name in ("labels", "annotations", "startsAt", "endsAt")} for each in alerts]
        return msgspec.json.encode([_running(each) for each in plain]).decode()
    status = "resolved" if all(each["status"] == "resolved" for each in alerts) else "firing"
    return msgspec.json.encode(
        {
            "version": "4",
            "groupKey": f"yuqing:{payload.data.alert_id}",
            "truncatedAlerts": 0,
            "status": status,
            "receiver": receiver,
            "groupLabels": {"alertname": alerts[0]["labels"]["alertname"]},
            "commonLabels": _common([each["labels"] for each in alerts]),
            "commonAnnotations": _common([each["annotations"] for each in alerts]),
            "externalURL": "",
            "alerts": alerts,
        }
    ).decode()


def _alerts(payload: AlertPayload) -> list[dict[str, Any]]:
    data = payload.data
    told = message(payload, "en")
    first = _alert(data, data.detector, payload)
    first["annotations"] = {"summary": told.title, "description": told.text}
    others = [_alert(each, each.detector or data.detector, payload) for each in data.also]
    return [first, *others]


def _alert(one: AlertData | GroupMember, detector: str, payload: AlertPayload) -> dict[str, Any]:
    over = one.status == "resolved"
    return {
        "status": "resolved" if over else "firing",
        "labels": {
            "alertname": detector,
            "alert_id": str(one.alert_id),
            "entity": one.company.entity_id,
            "company": one.company.name,
            "severity": one.severity,
        },
        "annotations": {"summary": f"[{one.severity}] {one.company.name}"},
        "startsAt": msgspec.to_builtins(one.first_bucket),
        "endsAt": msgspec.to_builtins(payload.timestamp) if over else _NEVER,
        "generatorURL": "",
        "fingerprint": str(one.alert_id).replace("-", "")[:16],
    }


def _running(alert: dict[str, Any]) -> dict[str, Any]:
    """Without an end where there is none: the API would take the year 1 for the past."""
    return {name: value for name, value in alert.items() if (name, value) != ("endsAt", _NEVER)}


def _common(many: list[dict[str, str]]) -> dict[str, str]:
    return {name: value for name, value in many[0].items() if all(each.get(name) == value for each in many)}
