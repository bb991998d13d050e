"""What ingest tells Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

__all__ = ["OUTCOMES", "TRANSACTION_SECONDS", "TREND_ROWS"]

OUTCOMES = Counter(
    "yuqing_ingest_records_total",
    "Records by what became of them: stored, repeated (same document again), redelivered (same record again), dead.",
    ["outcome"],
)

TREND_ROWS = Counter("yuqing_ingest_trend_rows_total", "Trend rows written, each revision once.")

TRANSACTION_SECONDS = Histogram(
    "yuqing_ingest_transaction_seconds",
    "From taking a connection to the end of the commit.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
