"""Keeps the terminal for people: whatever this process and its children log goes to a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

__all__ = ["logs_into"]


@contextmanager
def logs_into(file: Path) -> Iterator[TextIO]:
    """Sends everything written to standard error into `file`; gives the real standard error.

    It moves the descriptor itself, since the roles are processes that inherit it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    saved = os.dup(2)
    with file.open("wb") as log:
        os.dup2(log.fileno(), 2)
    try:
        with os.fdopen(os.dup(saved), "w", encoding="utf-8", errors="replace") as terminal:
            yield terminal
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
