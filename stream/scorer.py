"""The scorer: raw records in, scored documents and dead letters out.

One thread reads and commits, one prepares, one for each forward pass runs the model, and the clients of broker and
cache have their own: reading, preparing, computing and sending go on at the same time, with no more in work than
`_IN_WORK` allows. The order of durable effects, and what a death in between costs:

1. an outcome is produced and the broker acknowledges it     (before this: the raw record is read again)
2. the raw record's offset is committed to the group         (before this: read again, and doubled on
                                                              documents.scored, where the ledger ignores it)
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from model.classifier import Classifier
from stream.backoff import StoppedError, persist
from stream.commits import InWork
from stream.intake import ReadsRecords
from stream.novelty import StoryIndex
from stream.outcomes import Outcomes
from stream.preparing import Preparing
from stream.raw_reader import RawReader
from stream.scoring import Scoring
from stream.topics import Topics, TopicsError

__all__ = ["Scorer"]

_log = structlog.get_logger()

_AT_ONCE = 128
"""Records taken from the client at a time."""

_IN_WORK = 0.5
"""Records in work for each token that fits the passes side by side: some twenty batches of news for each pass, which
packs them with 2 % of padding.

Of a backfill it is half as many, so that it delays no live document for long.
"""

_NOTICE_STOP_S = 0.1
_FINISH_S = 30.0
"""How long a stop waits for the broker to acknowledge the last outcomes; what it does not is read again."""


class Scorer:
    """One worker of the group `group`. Start as many as there are partitions, in as many processes."""

    def __init__(
        self,
        bootstrap: str,
        topics: Topics,
        group: str,
        intake: ReadsRecords,
        stories: StoryIndex,
        classifier: Classifier,
        *,
        token_budget: int,
        deadline_ms: float,
        clock: Callable[[], datetime],
    ) -> None:
        """`token_budget` bounds one forward pass; a document on its own is scored `deadline_ms` after its arrival."""
        self._bootstrap = bootstrap
        self._topics = topics
        self._group = group
        self._intake = intake
        self._stories = stories
        self._classifier = classifier
        self._token_budget = token_budget
        self._deadline = timedelta(milliseconds=deadline_ms)
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set, then finishes what it has read and commits.

        A broker or a Redis that is away is waited for. Raises ModelError when the model fails on everything, and
        OutcomeError when the broker refuses outcomes for good.
        """
        in_work = InWork()
        try:
            outcomes = self._outcomes(in_work, stop)
        except StoppedError:
            return
        scoring = Scoring(
            self._classifier, outcomes, token_budget=self._token_budget, deadline=self._deadline, clock=self._clock
        )
        preparing = Preparing(self._intake, self._stories, self._classifier, outcomes, stop, hand_on=scoring.put)
        most = max(int(_IN_WORK * self._token_budget * self._classifier.passes), _AT_ONCE)
        limits = {self._topics.raw: most, self._topics.backfill: most // 2}
        reader = RawReader(self._bootstrap, limits, self._group, in_work, settle=outcomes.poll)
        scoring.start()
        preparing.start()
        _log.info("scorer_started", model=self._classifier.version, engine=self._classifier.engine_name)
        try:
            self._work(reader, preparing, scoring, outcomes, stop)
        finally:
            preparing.close()
            scoring.close()
            outcomes.flush(_FINISH_S)
            reader.close()
            _log.info("scorer_stopped", unfinished=in_work.unfinished())
        scoring.check()

    def _outcomes(self, in_work: InWork, stop: threading.Event) -> Outcomes:
        return persist(
            lambda: Outcomes(self._bootstrap, self._topics, in_work),
            service="broker",
            absent=(TopicsError,),
            stop=stop,
        )

    def _work(
        self, reader: RawReader, preparing: Preparing, scoring: Scoring, outcomes: Outcomes, stop: threading.Event
    ) -> None:
        while not stop.is_set():
            scoring.check()  # a broken model finishes nothing, so that paused topics would never bring us a record
            records = reader.read(_AT_ONCE, _NOTICE_STOP_S)
            preparing.put([one for one in records if one.topic == self._topics.raw], "live")
            preparing.put([one for one in records if one.topic == self._topics.backfill], "backfill")
            outcomes.poll()
            reader.commit_now_and_then()
