"""What Prometheus sees of this room."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "alert_events",
    "alerts_active",
    "buckets_judged",
    "deliveries_pending",
    "delivery_attempts",
    "delivery_seconds",
    "explaining_seconds",
    "judging_seconds",
]

buckets_judged = Counter("yuqing_alert_buckets_judged", "Changed buckets that the alert engine took from its list.")
alert_events = Counter("yuqing_alert_events", "What happened to alerts.", ["event", "severity"])
judging_seconds = Histogram(
    "yuqing_alert_judging_seconds",
    "Time of one transaction of the alert engine.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
explaining_seconds = Histogram(
    "yuqing_alert_explaining_seconds",
    "Time of asking the model which words of an alert's first document made it negative.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
alerts_active = Gauge("yuqing_alerts_active", "Alerts that are not resolved.")
delivery_attempts = Counter("yuqing_delivery_attempts", "Attempts to deliver, by outcome.", ["outcome"])
deliveries_pending = Gauge("yuqing_deliveries_pending", "Deliveries that are neither taken nor given up.")
delivery_seconds = Histogram(
    "yuqing_delivery_seconds",
    "From the writing of a delivery to its acceptance by the endpoint.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 3600, 86400),
)
