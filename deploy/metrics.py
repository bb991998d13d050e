"""The Prometheus endpoint of a role, and what this room itself measures."""

from __future__ import annotations

import platform
from importlib.metadata import version

import structlog
from prometheus_client import Counter, Gauge, Info, start_http_server

from deploy.errors import RoleError
from deploy.role_names import ROLES

__all__ = [
    "BUCKETS_WAITING",
    "BUILD",
    "CACHE_BYTES",
    "CHORES",
    "DATABASE_BYTES",
    "DEAD_DELIVERIES",
    "DEAD_LETTERS",
    "DRIFT_DETECTED",
    "DRIFT_DOCUMENTS",
    "DRIFT_EFFECT",
    "DRIFT_P_VALUE",
    "ENDPOINT_STOPPED",
    "ENGINE_EVENTS",
    "FALSE_ALARMS_PROMISED",
    "FINAL_UNTIL",
    "OLDEST_DELIVERY",
    "SEARCH_WAITING",
    "WATCH_LIST_VERSION",
    "metrics_port",
    "serve_metrics",
]

_log = structlog.get_logger()

BUILD = Info("yuqing_build", "Which program this is.")

DRIFT_EFFECT = Gauge(
    "yuqing_drift_effect",
    "Last day against the model's profile: population stability index, or distance where check is vectors.",
    ["language", "check"],
)
DRIFT_P_VALUE = Gauge("yuqing_drift_p_value", "The chance of that effect or more without drift.", ["language", "check"])
DRIFT_DETECTED = Gauge("yuqing_drift_detected", "1 where effect and p-value are beyond their limits.", ["language"])
DRIFT_DOCUMENTS = Gauge("yuqing_drift_documents", "Documents of the last day that were looked at.", ["language"])

ENGINE_EVENTS = Counter(
    "yuqing_engine_events_total",
    "What befell the GPU since the start: out_of_memory (a batch was cut) or device_lost (the CPU answers).",
    ["kind"],
)

CHORES = Counter("yuqing_chores", "Chores run, by name and outcome.", ["chore", "outcome"])

FALSE_ALARMS_PROMISED = Gauge(
    "yuqing_false_alarms_promised_per_day", "The budget of false alarms, over the whole watch list."
)

WATCH_LIST_VERSION = Gauge(
    "yuqing_watch_list_version",
    "The newest change of the watch list that this role has taken over, by its number; 0: nobody has changed it.",
)

# What the scheduler sees in the stores twice a minute.
FINAL_UNTIL = Gauge("yuqing_final_until_seconds", "Event time up to which trends are final, in seconds since 1970.")
BUCKETS_WAITING = Gauge("yuqing_changed_buckets", "Changed buckets that the alert engine has not judged for good.")
SEARCH_WAITING = Gauge("yuqing_search_queue_documents", "Documents stored, but not yet found by their words.")
OLDEST_DELIVERY = Gauge(
    "yuqing_oldest_delivery_seconds", "For how long the oldest delivery that is due, or was tried, has waited; 0: none."
)
DEAD_DELIVERIES = Gauge("yuqing_dead_deliveries", "Deliveries given up, kept until somebody replays them.")
DEAD_LETTERS = Gauge("yuqing_dead_letters", "Dead letters that nobody has replayed or dropped, by reason.", ["reason"])
ENDPOINT_STOPPED = Gauge(
    "yuqing_endpoint_stopped",
    "1 for an endpoint that is not called: why is resting (it failed too often) or disabled (it answered 410).",
    ["endpoint", "why"],
)
DATABASE_BYTES = Gauge("yuqing_database_bytes", "Size of the database on disk, without its write-ahead log.")
CACHE_BYTES = Gauge("yuqing_cache_bytes", "Memory that Redis uses.")


def metrics_port(role: str, port_base: int) -> int:
    """Where `role` serves its metrics: a port of its own, in the order of the flow; 0 is nowhere."""
    return port_base + ROLES.index(role) if port_base else 0


def serve_metrics(role: str, *, host: str, port_base: int) -> int:
    """Starts the endpoint and returns its port, or 0 where `port_base` is. Raises RoleError when it is taken."""
    port = metrics_port(role, port_base)
    if not port:
        return 0
    BUILD.info({"version": version("yuqing"), "python": platform.python_version(), "role": role})
    try:
        start_http_server(port, addr=host)
    except OSError as error:
        raise RoleError(
            f"The {role} cannot serve its metrics on {host}:{port}: {error.strerror}.",
            fix="choose another port_base in [metrics], or 0 for none.",
        ) from error
    _log.info("metrics_served", host=host, port=port)
    return port
