"""Who is told of it, and how far that is."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Time,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from storage.tables.shared import AT, metadata

__all__ = ["deliveries", "delivery_alerts", "endpoint_states", "subscriptions"]

deliveries = Table(
    "deliveries",
    metadata,
    Column("webhook_id", Text, primary_key=True),
    Column("alert_id", UUID(as_uuid=True), nullable=True, index=True),
    Column("endpoint", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'pending'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created_at", AT, nullable=False),
    Column("next_attempt_at", AT, nullable=False),
    Column("delivered_at", AT),
    Column("last_error", Text, nullable=False, server_default=text("''")),
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("replayed_at", AT),
    Index("deliveries_due", "endpoint", "next_attempt_at", postgresql_where=text("state = 'pending'")),
    Index("deliveries_order", "endpoint", "seq", postgresql_where=text("state = 'pending'")),
    comment="The outbox: written in the alert's own transaction. state: pending, delivered or dead; "
    "seq: the order of writing.",
)

delivery_alerts = Table(
    "delivery_alerts",
    metadata,
    Column("webhook_id", Text, nullable=False),
    Column("alert_id", UUID(as_uuid=True), nullable=False),
    PrimaryKeyConstraint("webhook_id", "alert_id"),
    Index("delivery_alerts_alert", "alert_id"),
    comment="Which alerts a delivery is about: several where they were told of together.",
)

endpoint_states = Table(
    "endpoint_states",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("resting_until", AT),
    Column("disabled_at", AT),
    Column("why", Text, nullable=False, server_default=text("''")),
    Column("enabled_by", Text, nullable=False, server_default=text("''")),
    Column("updated_at", AT, nullable=False),
    comment="Endpoints that failed in a row, and rest, or that said 410 and are disabled until somebody enables them.",
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("subscription_id", UUID(as_uuid=True), primary_key=True),
    Column("analyst", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("matchers", JSONB, nullable=False, server_default=text("'[]'")),
    Column("min_severity", Text, nullable=False, server_default=text("'watch'")),
    Column("tier", Integer, nullable=False, server_default=text("0")),
    Column("quiet_from", Time),
    Column("quiet_until", Time),
    Column("zone", Text, nullable=False, server_default=text("'UTC'")),
    Column("calendar", Text, nullable=False, server_default=text("''")),
    Column("breakthrough", Text, nullable=False, server_default=text("'critical'")),
    Column("created_at", AT, nullable=False),
    Column("created_by", Text, nullable=False),
    CheckConstraint("min_severity in ('watch', 'warning', 'critical')", name="subscriptions_min_severity"),
    CheckConstraint("breakthrough in ('', 'watch', 'warning', 'critical')", name="subscriptions_breakthrough"),
    CheckConstraint("(quiet_from is null) = (quiet_until is null)", name="subscriptions_quiet"),
    CheckConstraint("tier >= 0", name="subscriptions_tier"),
    Index("subscriptions_endpoint", "endpoint"),
    comment="Which analyst hears of which alerts where, and when not. An endpoint without any hears of everything.",
)
