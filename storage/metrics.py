"""What ingest tells Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

__all__ = ["LOST", "OUTCOMES", "TRANSACTION_SECONDS", "TREND_ROWS"]

OUTCOMES = Counter(
    "yuqing_ingest_records_total",
    "Records by what became of them: stored, corrected, retracted, superseded (a revision that changed no sum), "
    "repeated (same document again), redelivered (same record again), dead.",
    ["outcome"],
)

LOST = Counter(
    "yuqing_noted_losses_total",
    "Records noted as lost: they left the broker before their outcome was booked.",
    ["topic"],
)

TREND_ROWS = Counter("yuqing_ingest_trend_rows_total", "Trend rows written, each revision once.")

TRANSACTION_SECONDS = Histogram(
    "yuqing_ingest_transaction_seconds",
    "From taking a connection to the end of the commit.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
