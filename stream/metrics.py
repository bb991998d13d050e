"""What this room counts, for Prometheus. Names begin with `yuqing_`; times are seconds."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "BATCH_DOCUMENTS",
    "BATCH_TOKENS",
    "COMMIT_LATENCY",
    "INGESTED",
    "LAG",
    "LOST",
    "PAUSED",
    "QUEUE_WAIT",
    "RECORDS_IN",
    "RECORDS_OUT",
    "REPEATED_TEXTS",
    "REREAD",
    "STAGE_SECONDS",
    "WAITING",
]

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_PATIENT = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800)

RECORDS_IN = Counter("yuqing_records_in_total", "Records read from a topic", ["stage", "topic"])
RECORDS_OUT = Counter(
    "yuqing_records_out_total",
    "Records acknowledged by the broker: reason is 'scored', 'retracted' or why a record died",
    ["stage", "reason"],
)
INGESTED = Counter(
    "yuqing_ingested_total",
    "Outcomes committed to PostgreSQL: fresh, corrected, retracted, superseded, repeated, redelivered or dead",
    ["outcome"],
)
REPEATED_TEXTS = Counter("yuqing_repeated_texts_total", "Texts answered with those of an identical one, without a pass")
REREAD = Counter("yuqing_reread_total", "Times the windows stage went back because records had been skipped", ["topic"])

BATCH_DOCUMENTS = Histogram(
    "yuqing_batch_documents",
    "Documents in a transaction (stage windows), texts in a forward pass (stage scorer)",
    ["stage"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 2048),
)
BATCH_TOKENS = Counter(
    "yuqing_batch_tokens_total",
    "Tokens sent through the model: 'real' over 'padded' is the efficiency of packing",
    ["kind"],
)
QUEUE_WAIT = Histogram(
    "yuqing_queue_wait_seconds", "From reading a document to its batch's forward pass", buckets=_QUICK
)
STAGE_SECONDS = Histogram(
    "yuqing_stage_seconds", "Time one batch spends in a stage of the work", ["stage"], buckets=_QUICK
)
COMMIT_LATENCY = Histogram(
    "yuqing_arrival_to_commit_seconds",
    "From a document's arrival in Kafka to its commit in PostgreSQL",
    buckets=_PATIENT,
)
PAUSED = Gauge("yuqing_paused", "1 while a topic is not read because enough of it is in work", ["stage", "topic"])
LAG = Gauge("yuqing_lag_records", "Records of a partition still to be done", ["stage", "topic", "partition"])
LOST = Gauge(
    "yuqing_lost_records",
    "Records that left the broker without an outcome, and that nobody has acknowledged",
    ["topic"],
)
WAITING = Gauge(
    "yuqing_waiting",
    "1 while a stage waits for a service: reason is unreachable, disk_full, too_many_connections, ...",
    ["service", "reason"],
)
