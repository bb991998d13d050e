"""Between request and broker: a request is answered when the broker has all of it, or told to come again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager

from stream.documents import RawDocument
from stream.publisher import PublishError, QueueFullError
from stream.sources.acknowledgement import BrokerWatch, send_all
from stream.sources.errors import RequestRefusedError
from stream.sources.metrics import DOCUMENTS
from stream.sources.source import Sink

__all__ = ["PushIntake"]

_RETRY_AFTER_S = 10


class PushIntake:
    """Publishes the documents of requests, and takes no more while the broker owes answers for too long.

    A batch that timed out stays queued and is acknowledged later; the client sends it again, and its documents
    are recognised downstream. While such batches are open new requests are refused at once, so what a broker
    that is away makes us queue stays within what was in flight when it went.
    """

    def __init__(self, sink: Sink, *, name: str, ack_timeout_s: float, max_requests: int) -> None:
        self._sink = sink
        self._timeout_s = ack_timeout_s
        self._most = max_requests
        self._in_hand = 0
        self._watch = BrokerWatch(name)
        self._published = DOCUMENTS.labels(source=name)
        self._overdue: set[Future[None]] = set()

    @property
    def broker_away(self) -> bool:
        """Whether a batch is overdue."""
        self._overdue = {batch for batch in self._overdue if not batch.done()}
        if not self._overdue:
            self._watch.back()
        return bool(self._overdue)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Room for one request. Raises RequestRefusedError 503 while the broker is away or all room is taken."""
        if self.broker_away:
            raise _come_again("The broker is away.")
        if self._in_hand >= self._most:
            raise _come_again(f"There are {self._most} requests in hand already.", title="Busy")
        self._in_hand += 1
        try:
            yield
        finally:
            self._in_hand -= 1

    async def publish(self, documents: Sequence[RawDocument]) -> None:
        """Returns when the broker has all documents on disk.

        Raises RequestRefusedError 503 when it does not say so in time, or refuses; some may have arrived.
        """
        try:
            # In a thread, since a full queue blocks.
            batch = await asyncio.to_thread(send_all, self._sink, documents)
            answer = asyncio.wrap_future(batch)
            answered, _ = await asyncio.wait([answer], timeout=self._timeout_s)
            if not answered:
                self._overdue.add(batch)
                answer.add_done_callback(lambda late: late.exception())  # nobody is left to be told
                raise QueueFullError(f"no acknowledgement within {self._timeout_s:g} s")
            answer.result()
        except QueueFullError as error:
            self._watch.lost(error)
            raise _come_again("The broker is away.") from error
        except PublishError as error:
            self._watch.lost(error)
            raise _come_again(f"The broker refuses: {error}.") from error
        self._published.inc(len(documents))


def _come_again(detail: str, *, title: str = "Broker away") -> RequestRefusedError:
    return RequestRefusedError(
        503,
        title,
        f"{detail} Send the same again in {_RETRY_AFTER_S} s; what did arrive is recognised.",
        headers={"Retry-After": str(_RETRY_AFTER_S)},
    )
