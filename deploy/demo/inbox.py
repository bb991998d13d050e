"""What arrived at the demonstration's own webhook: kept with the time of arrival, and shown at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from alerts.delivery.receiver import Received
from deploy.demo.report import FiredAlert

__all__ = ["Arrival", "Inbox"]

_SHOWN_DOCUMENTS = 3


@dataclass(frozen=True, slots=True)
class Arrival:
    """One alert event, validly signed. `decided_at` is when the alarm was raised, `received_at` when we had it."""

    event: str
    alert_id: str
    alert: FiredAlert
    decided_at: datetime
    received_at: datetime


class Inbox:
    """Give `take` to a receiver as `on_taken`; it is called from the receiver's threads."""

    def __init__(self, console: Console, clock: Callable[[], datetime]) -> None:
        self._console = console
        self._clock = clock
        self._lock = threading.Lock()
        self._arrivals: list[Arrival] = []

    def take(self, received: Received) -> None:
        """Keeps and shows one webhook; those that are not about an alert are passed over."""
        now = self._clock()
        if not received.type.startswith("alert."):
            return
        arrivals = _arrivals(received.payload, now)
        with self._lock:
            self._arrivals += arrivals
        self._console.print(_panel(received.payload, arrivals[0]))

    @property
    def arrivals(self) -> list[Arrival]:
        """Every alert event so far, in order of arrival."""
        with self._lock:
            return list(self._arrivals)

    def alerts(self) -> tuple[FiredAlert, ...]:
        """Each alert once, as last heard of, in order of their first arrival."""
        latest: dict[str, FiredAlert] = {}
        for arrival in self.arrivals:
            latest[arrival.alert_id] = arrival.alert
        return tuple(latest.values())


def _arrivals(payload: dict[str, Any], now: datetime) -> list[Arrival]:
    """One for each alert that a webhook tells of: the gravest, and those beside it."""
    return [
        Arrival(
            event=payload["type"],
            alert_id=one["alert_id"],
            alert=FiredAlert(
                entity=one["company"]["entity_id"],
                bucket=datetime.fromisoformat(one["first_bucket"]),
                severity=one["severity"],
                observed=one["observed"],
                expected=one["expected"],
            ),
            decided_at=datetime.fromisoformat(payload["timestamp"]),
            received_at=now,
        )
        for one in (payload["data"], *payload["data"].get("also", ()))
    ]


def _panel(payload: dict[str, Any], arrival: Arrival) -> Panel:
    data, alert = payload["data"], arrival.alert
    hours = data["horizon_s"] / 3600
    lines = [
        Text.assemble((data["company"]["name"], "bold"), f"  {alert.severity}  ", (arrival.event, "dim")),
        Text(f"{alert.observed} negative stories within {hours:g} h, {alert.expected:.2f} expected"),
        Text(f"first minute {alert.bucket:%Y-%m-%d %H:%M} UTC; p = {data['p_value']:.1e}"),
        *(
            Text(f"  {document['score']:+.2f}  {document['title']}", no_wrap=True, overflow="ellipsis")
            for document in data["documents"][:_SHOWN_DOCUMENTS]
        ),
        *(Text(f"also {one['company']['name']}  {one['severity']}") for one in data.get("also", ())),
        Text("signature verified", style="green"),
    ]
    return Panel(Group(*lines), title="webhook", title_align="left", border_style="red", width=100)
