"""The scorer: raw records in, scored documents and dead letters out.

One thread reads and prepares, one runs the model. The order of durable effects, and what a death in between costs:

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
from stream.intake import Intake
from stream.novelty import StoryIndex
from stream.outcomes import Outcomes
from stream.preparing import Preparing
from stream.raw_reader import RawReader
from stream.scoring import Scoring
from stream.topics import Topics, TopicsError

__all__ = ["Scorer"]

_log = structlog.get_logger()

_AT_ONCE = 128
"""Records for one round of preparing and one round trip to Redis: a second's work of a slow CPU."""

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
        intake: Intake,
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
        preparing = Preparing(self._intake, self._stories, self._classifier, outcomes, stop)
        reader = RawReader(self._bootstrap, self._topics.raw, self._group, in_work, settle=outcomes.poll)
        scoring.start()
        _log.info("scorer_started", model=self._classifier.version, engine=self._classifier.engine_name)
        try:
            self._work(reader, preparing, scoring, outcomes, stop)
        finally:
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
            records = reader.read(_AT_ONCE, _NOTICE_STOP_S)
            try:
                scoring.put(preparing.candidates(records))
            except StoppedError:
                return
            outcomes.poll()
            reader.commit_now_and_then()
