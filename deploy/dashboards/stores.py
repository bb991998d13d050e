"""PostgreSQL, Redis and the processes around them: are they there, are they quick, do they grow."""

from __future__ import annotations

from typing import Final

from deploy.dashboards.frame import Dashboard
from deploy.dashboards.panels import Row, figure, lines

__all__ = ["STORES"]

_SERVICES: Final = Row(
    "Services",
    (
        figure(
            "Waiting for a service",
            "Roles that wait for the broker, the database or the cache. Nothing is lost: the log keeps what arrives.",
            "short",
            "sum(yuqing_waiting{$scope}) or vector(0)",
            wrong=1,
        ),
        figure(
            "Database",
            "Size on disk, without its write-ahead log.",
            "bytes",
            "max(yuqing_database_bytes{$scope})",
        ),
        figure("Cache", "Memory that Redis uses.", "bytes", "max(yuqing_cache_bytes{$scope})"),
        lines(
            "Who waits for what",
            "docs/operations.md says for each reason what to do.",
            "short",
            ("max by (job, service, reason) (yuqing_waiting{$scope})", "{{job}}: {{service}} {{reason}}"),
            most=1,
        ),
        lines(
            "Growth",
            "What retention does not drop stays: ids, sums, alerts.",
            "bytes",
            ("max(yuqing_database_bytes{$scope})", "database"),
            ("max(yuqing_cache_bytes{$scope})", "cache"),
        ),
    ),
)

_BOOKS: Final = Row(
    "Books",
    (
        lines(
            "Time of one transaction of ingest",
            "From taking a connection to the end of the commit.",
            "s",
            *(
                (
                    f"histogram_quantile({share / 100}, "
                    "sum by (le) (rate(yuqing_ingest_transaction_seconds_bucket{$scope}[$__rate_interval])))",
                    f"{share} %",
                )
                for share in (50, 95, 99)
            ),
        ),
        lines(
            "Records booked",
            "By what became of them. superseded is a revision that changed no sum.",
            "cps",
            ("sum by (outcome) (rate(yuqing_ingest_records_total{$scope}[$__rate_interval]))", "{{outcome}}"),
            stacked=True,
        ),
        lines(
            "Trend rows written",
            "Each revision once; many for each document are documents that name many companies.",
            "cps",
            ("sum(rate(yuqing_ingest_trend_rows_total{$scope}[$__rate_interval]))", "rows"),
        ),
        lines(
            "Not found by their words yet",
            "Documents stored that the search does not know: some seconds of them are usual.",
            "short",
            ("max(yuqing_search_queue_documents{$scope})", "documents"),
        ),
        lines(
            "Chores",
            "Retention, finality, partitions and the rest, by outcome.",
            "cpm",
            (
                "sum by (chore, outcome) (rate(yuqing_chores_total{$scope}[$__rate_interval])) * 60",
                "{{chore}} {{outcome}}",
            ),
        ),
    ),
)

_PROCESSES: Final = Row(
    "Processes",
    (
        lines(
            "Memory",
            "What each role holds.",
            "bytes",
            ("sum by (job, instance) (process_resident_memory_bytes{$scope})", "{{job}} {{instance}}"),
        ),
        lines(
            "CPU",
            "Cores that each role uses.",
            "short",
            (
                "sum by (job, instance) (rate(process_cpu_seconds_total{$scope}[$__rate_interval]))",
                "{{job}} {{instance}}",
            ),
        ),
        lines(
            "Open files",
            "Connections are among them.",
            "short",
            ("sum by (job, instance) (process_open_fds{$scope})", "{{job}} {{instance}}"),
        ),
        lines(
            "Restarts",
            "How often each role began anew, within an hour.",
            "short",
            ("sum by (job, instance) (changes(process_start_time_seconds{$scope}[1h]))", "{{job}} {{instance}}"),
            wrong=4,
        ),
    ),
)

STORES: Final = Dashboard(
    "yuqing-stores",
    "Yuqing: stores and processes",
    "Database and cache: waits, speed, size; chores; memory and CPU of every role.",
    (_SERVICES, _BOOKS, _PROCESSES),
)
