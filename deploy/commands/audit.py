"""`yuqing audit`: nothing lost, nothing doubled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

from deploy.output import emit, table
from deploy.services import open_services, topics_of
from deploy.settings import Settings

__all__ = ["show_audit"]

_STILL_S = 10.0
"""A record on its way is seen to move within seconds."""


def show_audit(settings: Settings, *, as_json: bool, wait: bool = True) -> int:
    """Compares broker, books and cache; returns 0 when all of it adds up, 1 with the differences named.

    The stream may go on meanwhile: what the broker has now is waited for, as long as it moves, and judged.
    """
    from datetime import timedelta

    import redis

    from storage.audit import audit, in_flight
    from storage.connection import connect
    from storage.hot_windows import HotWindows
    from stream.topics import spans

    topics = topics_of(settings)
    with open_services(settings) as services, redis.Redis.from_url(services.redis_url) as cache:
        engine = connect(services.database_url, pool_size=1)
        incoming, read = (spans(services.kafka, *some) for some in (topics.incoming, (topics.scored, topics.dead)))
        if wait:
            _wait_while_it_moves(lambda: in_flight(engine, incoming, read))
        hot = HotWindows(cache, prefix=settings.redis.prefix, keep=timedelta(hours=settings.windows.hot_hours))
        report = audit(engine, hot, incoming, read, raw_offsets_now=lambda: spans(services.kafka, *topics.incoming))
        engine.dispose()
    emit({"ok": report.ok, "figures": report.figures, "differences": report.differences}, as_json, _worded)
    return 0 if report.ok else 1


def _wait_while_it_moves(
    look: Callable[[], list[str]], *, still_s: float = _STILL_S, pause: threading.Event | None = None
) -> None:
    """Returns when `look` finds nothing, or the same for `still_s` seconds: then it is not on its way but lost."""
    last, since = look(), monotonic()
    pause = pause or threading.Event()
    while last and monotonic() - since < still_s:
        pause.wait(0.25)
        now = look()
        if now != last:
            last, since = now, monotonic()


def _worded(result: dict[str, Any]) -> str:
    lines = [table(["", ""], [(name.replace("_", " "), figure) for name, figure in result["figures"].items()])]
    if result["ok"]:
        lines.append("Everything adds up.")
    else:
        lines.append("This does not add up:\n" + "\n".join(f"  - {one}" for one in result["differences"]))
    return "\n".join(lines)
