"""Who may come in: tokens of the API, sessions of the console."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from storage.tables.shared import AT, metadata

__all__ = ["api_tokens", "console_sessions"]

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_id", BigInteger, Identity(always=True), primary_key=True),
    Column("prefix", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", AT, nullable=False),
    Column("expires_at", AT, nullable=False),
    Column("last_used_at", AT),
    Column("revoked_at", AT),
    CheckConstraint("role in ('viewer', 'analyst', 'operator')", name="api_tokens_role"),
    Index("api_tokens_prefix", "prefix", unique=True),
    comment="Who may use the API and the console. digest: SHA-256 of the token, which is kept nowhere.",
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("token_id", BigInteger, nullable=False),
    Column("created_at", AT, nullable=False),
    Column("expires_at", AT, nullable=False),
    comment="Who is logged in to the console. digest: SHA-256 of the cookie, which is kept nowhere.",
)
