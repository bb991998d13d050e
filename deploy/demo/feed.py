"""Puts the stream on `documents.raw`, as fast as the broker takes it or at a pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from deploy.demo.items import Item
from stream.publisher import Publisher

__all__ = ["FeedError", "feed"]


class FeedError(RuntimeError):
    """The broker did not acknowledge everything."""


def feed(
    publisher: Publisher,
    items: Sequence[Item],
    *,
    stop: threading.Event,
    per_second: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    on_sent: Callable[[int], None] = lambda _: None,
) -> int:
    """Publishes `items` in order and returns how many the broker acknowledged; fewer only when `stop` was set.

    `per_second` is the pace, None for as fast as it goes. `on_sent` hears the number after each record. `clock` gives
    seconds. Raises FeedError when the broker refused a record or stayed silent for 30 s.
    """
    refused: list[Exception] = []

    def acknowledged(error: Exception | None) -> None:
        if error is not None:
            refused.append(error)

    began, sent = clock(), 0
    for item in items:
        if stop.is_set():
            break
        if per_second:
            stop.wait(max(0.0, began + sent / per_second - clock()))
        publisher.publish_record(item.key, item.value, headers=item.headers, on_ack=acknowledged)
        sent += 1
        on_sent(sent)
    unknown = publisher.flush()
    if refused or unknown:
        why = str(refused[0]) if refused else "no answer within 30 s"
        raise FeedError(f"{len(refused) + unknown} of {sent} records were not acknowledged: {why}")
    return sent
