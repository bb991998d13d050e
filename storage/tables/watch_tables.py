"""Whom people want watched, above the installation's files."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from storage.tables.shared import AT, metadata

__all__ = ["watchlist_changes"]

watchlist_changes = Table(
    "watchlist_changes",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("entity_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("aliases", ARRAY(Text), nullable=False),
    Column("tickers", ARRAY(Text), nullable=False),
    Column("groups", ARRAY(Text), nullable=False),
    Column("ambiguous", ARRAY(Text), nullable=False),
    Column("remove", Boolean, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", AT, nullable=False),
    CheckConstraint("action in ('added', 'changed', 'withdrawn')", name="watchlist_changes_action"),
    Index("watchlist_changes_entity", "entity_id", "version", unique=True),
    comment="Append-only: what people changed on the watch list, who and when."
    " The newest of an id counts, unless withdrawn.",
)
