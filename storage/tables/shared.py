"""What all tables share."""

from __future__ import annotations

from sqlalchemy import DateTime, MetaData

__all__ = ["AT", "metadata"]

metadata = MetaData()
AT = DateTime(timezone=True)
