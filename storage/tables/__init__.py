"""The tables, as SQLAlchemy sees them. The migrations are what creates them; a test compares the two."""

from __future__ import annotations

from storage.tables.access_tables import api_tokens, console_sessions
from storage.tables.alert_tables import (
    alert_feedback,
    alert_history,
    alerts,
    changed_buckets,
    label_corrections,
    rule_buckets,
    silences,
)
from storage.tables.bookkeeping_tables import dead_letters, ledger, lost_records, positions, retention
from storage.tables.delivery_tables import deliveries, delivery_alerts, endpoint_states, subscriptions
from storage.tables.document_tables import (
    document_keys,
    document_terms,
    documents,
    mentions,
    search_queue,
    withdrawn_documents,
)
from storage.tables.shared import metadata
from storage.tables.trend_tables import (
    entities,
    finality,
    market_hours,
    market_sessions,
    rescored_counts,
    rescored_documents,
    shown_versions,
    trend_counts,
)
from storage.tables.watch_tables import watchlist_changes

__all__ = [
    "alert_feedback",
    "alert_history",
    "alerts",
    "api_tokens",
    "changed_buckets",
    "console_sessions",
    "dead_letters",
    "deliveries",
    "delivery_alerts",
    "document_keys",
    "document_terms",
    "documents",
    "endpoint_states",
    "entities",
    "finality",
    "label_corrections",
    "ledger",
    "lost_records",
    "market_hours",
    "market_sessions",
    "mentions",
    "metadata",
    "positions",
    "rescored_counts",
    "rescored_documents",
    "retention",
    "rule_buckets",
    "search_queue",
    "shown_versions",
    "silences",
    "subscriptions",
    "trend_counts",
    "watchlist_changes",
    "withdrawn_documents",
]
