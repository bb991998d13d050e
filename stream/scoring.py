"""The model thread: documents that wait, batches that are worth a pass, and what the model says of each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from model.classifier import Classifier, Prediction, Tokens
from stream.batching import Batch, Batcher
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

_FULL_BATCHES = 4
"""How many full batches may wait before the reader has to: enough to pack well, little enough to stay quick."""

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


class Scoring:
    """Takes candidates from the reader's thread, scores them in its own, and hands over the outcomes.

    `token_budget` bounds a forward pass, padding included; `deadline` runs from a document's arrival. The last
    `remembered` predictions answer identical texts without a pass.
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
        self._batcher: Batcher[Candidate] = Batcher(token_budget=token_budget, deadline=deadline)
        self._full = token_budget * _FULL_BATCHES
        self._repeats: Repeats[Prediction] = Repeats(remembered)
        self._changed = threading.Condition()
        self._closed = False
        self._failures = 0
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="scoring", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def put(self, candidates: Sequence[Candidate]) -> None:
        """Hands over documents; blocks while enough of them wait. Raises what broke the model thread, if it broke."""
        with self._changed:
            self._changed.wait_for(lambda: self._broken or self._batcher.waiting_tokens < self._full)
            self._raise_if_broken()
            now = self._clock()
            for one in candidates:
                tokens = sum(len(question) for question in one.tokens)
                self._batcher.add(one, tokens=tokens, arrived_at=one.record.arrived_at, now=now)
            self._changed.notify_all()

    def check(self) -> None:
        """Raises what broke the model thread, if it broke."""
        with self._changed:
            self._raise_if_broken()

    def close(self) -> None:
        """Scores what still waits, then ends the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _raise_if_broken(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _run(self) -> None:
        try:
            while (batch := self._next()) is not None:
                self._score(batch)
        except BaseException as error:  # the reader's thread raises it: see put and check
            with self._changed:
                self._broken = error
                self._changed.notify_all()

    def _next(self) -> Batch[Candidate] | None:
        with self._changed:
            while True:
                now = self._clock()
                if self._batcher.due(now) or (self._closed and len(self._batcher)):
                    batch = self._batcher.take(now)
                    self._changed.notify_all()
                    return batch
                if self._closed:
                    return None
                due_at = self._batcher.due_at()
                self._changed.wait(None if due_at is None else max((due_at - now).total_seconds(), 0.0005))

    def _score(self, batch: Batch[Candidate]) -> None:
        asked = [[(fingerprint(tokens.ids, tokens.encoder), tokens) for tokens in one.tokens] for one in batch.items]
        every = dict(question for questions_of_one in asked for question in questions_of_one)
        answers: dict[bytes, Prediction | Exception] = {
            key: known for key in every if (known := self._repeats.get(key)) is not None
        }
        fresh = {key: tokens for key, tokens in every.items() if key not in answers}
        with STAGE_SECONDS.labels("model").time():
            found = each(self._classifier.predict_tokens, list(fresh.values()))
        answers.update(zip(fresh, found, strict=True))
        self._observe(batch, list(fresh.values()))
        for one, keys in zip(batch.items, asked, strict=True):
            self._hand_over(one, [answers[key] for key, _ in keys])
        for key, answer in answers.items():
            if isinstance(answer, Prediction):
                self._repeats.put(key, answer)
        self._outcomes.poll()

    def _hand_over(self, one: Candidate, answers: Sequence[Prediction | Exception]) -> None:
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
        self._failures += 1
        if self._failures > _FAILURES_IN_A_ROW:
            raise ModelError(f"the model failed on {self._failures} documents in a row, last with {failed!r}")
        detail = f"the model failed on it: {type(failed).__name__}"
        self._outcomes.dead(letter_for(one.record, DeadReason.UNSCORABLE, detail))

    def _observe(self, batch: Batch[Candidate], passed: Sequence[Tokens]) -> None:
        BATCH_DOCUMENTS.labels("scorer").observe(len(batch.items))
        REPEATED_TEXTS.inc(sum(len(one.tokens) for one in batch.items) - len(passed))
        for waited in batch.waited:
            QUEUE_WAIT.observe(waited.total_seconds())
        lengths = [len(tokens) for tokens in passed]
        BATCH_TOKENS.labels("real").inc(sum(lengths))
        BATCH_TOKENS.labels("padded").inc(max(lengths, default=0) * len(lengths))
