"""A short wait between two probes of another process, which has no way to call us back."""

from __future__ import annotations

from threading import Event

__all__ = ["pause"]


def pause(seconds: float) -> None:
    """Waits; a module of its own so that tests put a clock in its place."""
    Event().wait(seconds)
