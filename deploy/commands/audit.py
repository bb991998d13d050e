"""`yuqing audit`: nothing lost, nothing doubled."""

from __future__ import annotations

from typing import Any

from deploy.output import emit, table
from deploy.services import open_services, topics_of
from deploy.settings import Settings

__all__ = ["show_audit"]


def show_audit(settings: Settings, *, as_json: bool) -> int:
    """Compares broker, books and cache; returns 0 when all of it adds up, 1 with the differences named."""
    from datetime import timedelta

    import redis

    from storage.audit import audit
    from storage.connection import connect
    from storage.hot_windows import HotWindows
    from stream.topics import offsets

    topics = topics_of(settings)
    with open_services(settings) as services, redis.Redis.from_url(services.redis_url) as cache:
        engine = connect(services.database_url, pool_size=1)
        found = {
            topic: {(topic, partition): span for partition, span in offsets(services.kafka, topic).items()}
            for topic in topics.names()
        }
        hot = HotWindows(cache, prefix=settings.redis.prefix, keep=timedelta(hours=settings.windows.hot_hours))
        report = audit(
            engine,
            hot,
            found[topics.raw],
            scored_offsets=found[topics.scored],
            dead_offsets=found[topics.dead],
        )
        engine.dispose()
    emit({"ok": report.ok, "figures": report.figures, "differences": report.differences}, as_json, _worded)
    return 0 if report.ok else 1


def _worded(result: dict[str, Any]) -> str:
    lines = [table(["", ""], [(name.replace("_", " "), figure) for name, figure in result["figures"].items()])]
    if result["ok"]:
        lines.append("Everything adds up.")
    else:
        lines.append("This does not add up:\n" + "\n".join(f"  - {one}" for one in result["differences"]))
    return "\n".join(lines)
