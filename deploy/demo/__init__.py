"""The demonstration: a bundled stream through the whole pipeline, compared with what is known to be true of it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["demo"]


def demo(*, fresh: bool, keep: bool, as_json: bool, state_folder: Path) -> int:
    """Runs the demonstration and returns the exit code: 0 when all of it truly happened, else 1 (130 on Ctrl-C).

    Progress and alerts go to stderr, the report to stdout: tables, or one JSON object. `fresh` removes what earlier
    demonstrations left, `keep` stays up afterwards. Raises UsageError when one is running on the same folder, and
    EmbeddedError when the services do not start.
    """
    from deploy.demo.run import play  # the generator alone needs no service and no model

    return play(fresh=fresh, keep=keep, as_json=as_json, state_folder=state_folder)
