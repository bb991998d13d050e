"""Status and history stay consistent over any order of detection, answers, silences, clock steps and crashes."""

from __future__ import annotations

from lifecycle_machine import Lifecycle, search
from sqlalchemy import Engine


def test_status_and_history_agree_whatever_happens(database: Engine) -> None:
    Lifecycle.database = database
    search(examples=12, steps=20)
