"""The model's threads: texts that wait, batches that are worth a pass, and what the model says of each document."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from model.classifier import Classifier, Prediction, Tokens
from stream.batching import Batch, Batcher, Lane
from stream.dead_records import letter_for
from stream.errors import DeadReason, StreamError
from stream.intake import RawRecord, Read
from stream.isolation import each
from stream.metrics import BATCH_DOCUMENTS, BATCH_TOKENS, QUEUE_WAIT, REPEATED_TEXTS, STAGE_SECONDS
from stream.novelty import Place
from stream.outcomes import Outcomes
from stream.repeats import Repeats, fingerprint
from stream.scored_documents import scored_document

__all__ = ["Candidate", "ModelError", "Scoring"]

_FAILURES_IN_A_ROW = 100
"""So many documents that fail one after the other say that the model is broken, not the documents."""


class ModelError(StreamError):
    """The model fails on everything. Documents that it failed on so far are dead letters: replay them afterwards."""


@dataclass(frozen=True)
class Candidate:
    """A document on its way to the model."""

    record: RawRecord
    read: Read
    place: Place
    tokens: tuple[Tokens, ...]
    """The document, then a question about each of `questions(read)`."""
    lane: Lane = "live"


Answer = Prediction | Exception


class _Open:
    """A document some of whose answers are still to come."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.answers: dict[int, Answer] = {}

    @property
    def complete(self) -> bool:
        return len(self.answers) == len(self.candidate.tokens)


@dataclass(frozen=True)
class _Question:
    """What the model is asked once, however many documents ask it."""

    key: bytes
    tokens: Tokens


class Scoring:
    """Takes candidates from another thread, scores them in its own, and hands over the outcomes.

    It runs as many forward passes side by side as the classifier is best at. `token_budget` bounds a pass, padding
    included; `deadline` runs from a document's arrival. The last `remembered` predictions answer identical texts
    without a pass, and a text that is asked about while it waits or is being scored is not asked about again. How much
    may wait is the caller's to bound: see `stream/raw_reader.py`.
    """

    def __init__(
        self,
        classifier: Classifier,
        outcomes: Outcomes,
        *,
        token_budget: int,
        deadline: timedelta,
        clock: Callable[[], datetime],
        remembered: int = 20_000,
    ) -> None:
        self._classifier = classifier
        self._outcomes = outcomes
        self._clock = clock
        self._batcher: Batcher[_Question] = Batcher(token_budget=token_budget, deadline=deadline)
        self._repeats: Repeats[Prediction] = Repeats(remembered)
        self._asking: dict[bytes, list[tuple[_Open, int]]] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._failures = 0
        self._broken: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._run, name=f"scoring-{number}", daemon=True)
            for number in range(classifier.passes)
        ]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def put(self, candidates: Sequence[Candidate]) -> None:
        """Hands over documents. Raises what broke a model thread, if one broke."""
        with self._changed:
            self._raise_if_broken()
            now = self._clock()
            complete = [opened for one in candidates if (opened := self._ask(one, now)).complete]
            self._changed.notify_all()
        for opened in complete:
            self._hand_over(opened)

    def check(self) -> None:
        """Raises what broke a model thread, if one broke."""
        with self._changed:
            self._raise_if_broken()

    def close(self) -> None:
        """Scores what still waits, then ends the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _raise_if_broken(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _ask(self, candidate: Candidate, now: datetime) -> _Open:
        opened = _Open(candidate)
        for place, tokens in enumerate(candidate.tokens):
            key = fingerprint(tokens.ids, tokens.encoder)
            known = self._repeats.get(key)
            if known is not None:
                opened.answers[place] = known
                REPEATED_TEXTS.inc()
            elif key in self._asking:
                self._asking[key].append((opened, place))
                REPEATED_TEXTS.inc()
            else:
                self._asking[key] = [(opened, place)]
                self._batcher.add(
                    _Question(key, tokens),
                    tokens=len(tokens),
                    arrived_at=candidate.record.arrived_at,
                    now=now,
                    encoder=tokens.encoder,
                    lane=candidate.lane,
                )
        return opened

    def _run(self) -> None:
        try:
            while (batch := self._next()) is not None:
                self._score(batch)
        except BaseException as error:  # the caller's thread raises it: see put and check
            with self._changed:
                self._broken = error
                self._changed.notify_all()

    def _next(self) -> Batch[_Question] | None:
        with self._changed:
            while self._broken is None:
                now = self._clock()
                if self._batcher.due(now) or (self._closed and len(self._batcher)):
                    return self._batcher.take(now)
                if self._closed:
                    return None
                due_at = self._batcher.due_at()
                self._changed.wait(None if due_at is None else max((due_at - now).total_seconds(), 0.0005))
            return None

    def _score(self, batch: Batch[_Question]) -> None:
        self._observe(batch)
        with STAGE_SECONDS.labels("model").time():
            found = each(self._classifier.predict_tokens, [one.tokens for one in batch.items])
        with self._changed:
            complete = list(self._answered(zip(batch.items, found, strict=True)))
        for opened in complete:
            self._hand_over(opened)
        self._outcomes.poll()

    def _answered(self, answers: Iterable[tuple[_Question, Answer]]) -> Iterable[_Open]:
        """Gives answers to those who asked; the documents that lack no other."""
        for question, answer in answers:
            if isinstance(answer, Prediction):
                self._repeats.put(question.key, answer)
            for opened, place in self._asking.pop(question.key):
                opened.answers[place] = answer
                if opened.complete:
                    yield opened

    def _hand_over(self, opened: _Open) -> None:
        one = opened.candidate
        answers = [opened.answers[place] for place in range(len(one.tokens))]
        failed = next((answer for answer in answers if isinstance(answer, Exception)), None)
        if failed is None:
            predictions = [answer for answer in answers if isinstance(answer, Prediction)]
            try:
                document = scored_document(one.read, one.place, predictions, self._classifier.version)
            except ValueError as error:  # not-a-number among the probabilities
                failed = error
            else:
                self._failures = 0
                self._outcomes.scored(document, one.record.key)
                return
        with self._changed:
            self._failures += 1
            failures = self._failures
        if failures > _FAILURES_IN_A_ROW:
            raise ModelError(f"the model failed on {failures} documents in a row, last with {failed!r}")
        detail = f"the model failed on it: {type(failed).__name__}"
        self._outcomes.dead(letter_for(one.record, DeadReason.UNSCORABLE, detail))

    def _observe(self, batch: Batch[_Question]) -> None:
        BATCH_DOCUMENTS.labels("scorer").observe(len(batch.items))
        for waited in batch.waited:
            QUEUE_WAIT.observe(waited.total_seconds())
        BATCH_TOKENS.labels("real").inc(batch.real_tokens)
        BATCH_TOKENS.labels("padded").inc(batch.padded_tokens)
