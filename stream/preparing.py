"""Raw records to candidates for the model: read, place in a story, tokenise. What fails becomes a dead letter."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import structlog
from redis.exceptions import RedisError

from model.classifier import Classifier, Tokens
from storage.records import Retraction
from stream.backoff import StoppedError, persist, told
from stream.batching import Lane
from stream.dead_records import letter_for
from stream.errors import DeadReason, Unreadable
from stream.intake import RawRecord, Read, ReadsRecords
from stream.isolation import each
from stream.metrics import STAGE_SECONDS
from stream.novelty import Place, StoryIndex, StoryItem
from stream.outcomes import Outcomes
from stream.scored_documents import questions
from stream.scoring import Candidate

__all__ = ["Preparing"]

_log = structlog.get_logger()


_AT_ONCE = 64
"""Records for one round of preparing and one round trip to Redis: so long a live record waits for a backfill's."""


class Preparing:
    """The stages before the model, in a thread of their own: while it reads a batch, the model scores the one before.

    Live records go before those of a backfill. `hand_on` takes what is ready. How much may wait is the caller's to
    bound: see `stream/raw_reader.py`.
    """

    def __init__(
        self,
        intake: ReadsRecords,
        stories: StoryIndex,
        classifier: Classifier,
        outcomes: Outcomes,
        stop: threading.Event,
        *,
        hand_on: Callable[[Sequence[Candidate]], None],
    ) -> None:
        self._intake = intake
        self._stories = stories
        self._classifier = classifier
        self._outcomes = outcomes
        self._stop = stop
        self._hand_on = hand_on
        self._waiting: dict[Lane, deque[RawRecord]] = {"live": deque(), "backfill": deque()}
        self._changed = threading.Condition()
        self._closed = False
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="preparing", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def put(self, records: Sequence[RawRecord], lane: Lane) -> None:
        """Hands over records. Raises what broke the thread, if it broke."""
        with self._changed:
            if self._broken is not None:
                raise self._broken
            self._waiting[lane].extend(records)
            self._changed.notify_all()

    def close(self) -> None:
        """Prepares what still waits, then ends the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        try:
            while (taken := self._take()) is not None:
                records, lane = taken
                self._hand_on(self.candidates(records, lane))
                self._outcomes.poll()
        except StoppedError:
            return  # what was not prepared is read again
        except BaseException as error:  # the caller's thread raises it: see put
            with self._changed:
                self._broken = error

    def _take(self) -> tuple[list[RawRecord], Lane] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or any(self._waiting.values()))
            for lane, waiting in self._waiting.items():
                if waiting:
                    return [waiting.popleft() for _ in range(min(_AT_ONCE, len(waiting)))], lane
            return None

    def candidates(self, records: Sequence[RawRecord], lane: Lane = "live") -> list[Candidate]:
        """Prepares a batch with one round trip to Redis; each record is either here or a dead letter.

        Waits while Redis is away. Raises StoppedError when told to stop meanwhile.
        """
        with STAGE_SECONDS.labels("intake").time():
            read = list(self._readable(zip(records, self._intake.read_all(records), strict=True)))
        with STAGE_SECONDS.labels("stories").time():
            places = persist(
                lambda: each(self._place, [one for _, one in read], passing=(RedisError, StoppedError)),
                service="redis",
                absent=(RedisError,),
                stop=self._stop,
            )
        with STAGE_SECONDS.labels("tokens").time():
            tokens = each(self._encode, [one for _, one in read])
        ready = []
        for (record, one), place, ids in zip(read, places, tokens, strict=True):
            if isinstance(place, Exception):
                self._unscorable(record, "story index", place)
            elif isinstance(ids, Exception):
                self._unscorable(record, "tokeniser", ids)
            else:
                ready.append(Candidate(record, one, place, ids, lane))
        return ready

    def _readable(
        self, found: Iterable[tuple[RawRecord, Read | Retraction | Exception]]
    ) -> Iterator[tuple[RawRecord, Read]]:
        for record, one in found:
            if isinstance(one, Read):
                yield record, one
            elif isinstance(one, Retraction):  # the model has no part in it: it may come before its document does
                self._outcomes.retracted(one, record.key)
            elif isinstance(one, Unreadable):
                self._outcomes.dead(letter_for(record, one.reason, one.detail))
            else:
                self._unscorable(record, "intake", one)

    def _encode(self, read: Sequence[Read]) -> list[tuple[Tokens, ...]]:
        """The questions to the model about each document: the whole, then each of several companies that it names."""
        asked = [(one.text, entity) for one in read for entity in (None, *questions(one))]
        tokens = iter(self._classifier.encode([text for text, _ in asked], toward=[entity for _, entity in asked]))
        return [tuple(next(tokens) for _ in range(1 + len(questions(one)))) for one in read]

    def _place(self, read: Sequence[Read]) -> Sequence[Place]:
        return self._stories.place([_story_item(one) for one in read])

    def _unscorable(self, record: RawRecord, where: str, error: Exception) -> None:
        # A defect of ours, not of the record: the operator must hear of it, and replay the letter once it is mended.
        _log.error("document_failed", where=where, partition=record.partition, offset=record.offset, **told(error))
        detail = f"the {where} failed on it: {type(error).__name__}"
        self._outcomes.dead(letter_for(record, DeadReason.UNSCORABLE, detail))


def _story_item(read: Read) -> StoryItem:
    """A later version keeps the place of the first, which it replaces: it is no second telling of the same item."""
    origin = read.origin
    place = f"{origin.topic}/{origin.partition}/{origin.offset}"
    return StoryItem(
        document_id=read.document_id,
        text=read.text,
        published_at=read.published_at,
        origin=place if read.revised_at is None else "",
    )
