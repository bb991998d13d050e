"""Every parser: each place where bytes or text from outside become values."""

from __future__ import annotations

from analyst_targets import ANALYSTS
from book_targets import BOOKS
from file_targets import FILES
from intake_targets import INTAKE
from source_targets import SOURCES
from state_targets import STATE
from target import Target
from webhook_targets import WEBHOOKS

__all__ = ["TARGETS"]

_ALL = (*INTAKE, *SOURCES, *BOOKS, *WEBHOOKS, *ANALYSTS, *FILES, *STATE)
TARGETS: dict[str, Target] = {target.name: target for target in _ALL}
