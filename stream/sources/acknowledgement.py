"""Knowing that the broker has a batch: one future for many records, and the thread that keeps them coming."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager

import structlog

from stream.documents import RawDocument, document_id, encode
from stream.sources.source import Sink

__all__ = ["BrokerWatch", "polling", "send_all"]

_log = structlog.get_logger()

_POLL_S = 0.05


def send_all(sink: Sink, documents: Sequence[RawDocument]) -> Future[None]:
    """Queues documents; the future is done when the broker has all, or fails with the first refusal.

    It is done from whatever thread polls the sink. Cancelling it does not take the records back. Raises
    PublishError at once when the sink takes no more.
    """
    batch = _Batch(len(documents))
    for document in documents:
        sink.publish_record(str(document_id(document)).encode(), encode(document), on_ack=batch.acknowledged)
    return batch.future


class _Batch:
    """Counts down to the last acknowledgement."""

    def __init__(self, size: int) -> None:
        self.future: Future[None] = Future()
        self._open = size
        self._failure: Exception | None = None
        self._lock = threading.Lock()
        if size == 0:
            self.future.set_result(None)

    def acknowledged(self, failure: Exception | None) -> None:
        with self._lock:
            self._open -= 1
            self._failure = self._failure or failure
            if self._open:
                return
        if not self.future.set_running_or_notify_cancel():
            return  # whoever asked has stopped waiting
        if self._failure is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(self._failure)


@contextmanager
def polling(sink: Sink) -> Iterator[None]:
    """Runs acknowledgements in a thread of their own while the block runs."""
    done = threading.Event()

    def poll() -> None:
        while not done.is_set():
            sink.poll(_POLL_S)

    thread = threading.Thread(target=poll, name="acknowledgements", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class BrokerWatch:
    """Says once that the broker takes nothing, and once that it is back."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.away = False

    def lost(self, failure: Exception) -> None:
        """Something was not taken."""
        if not self.away:
            self.away = True
            _log.warning("broker_unreachable", source=self._source, error=str(failure))

    def back(self) -> None:
        """Something was taken."""
        if self.away:
            self.away = False
            _log.info("broker_reachable", source=self._source)
