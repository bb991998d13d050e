"""The roles, in the order in which a document passes them: also the order in which they stop."""

from __future__ import annotations

from typing import Final

__all__ = ["ROLES"]

ROLES: Final = ("source", "scorer", "windows", "alerts", "scheduler", "console")
