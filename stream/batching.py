"""Which documents share a forward pass: batches by token budget and deadline, packed by length."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

__all__ = ["Batch", "Batcher"]

T = TypeVar("T")


@dataclass(frozen=True, order=True)
class _Waiting(Generic[T]):
    tokens: int
    number: int  # the order of arrival, which also makes the sort total
    due: datetime = field(compare=False)
    added: datetime = field(compare=False)
    item: T = field(compare=False)


@dataclass(frozen=True)
class Batch(Generic[T]):
    """Items for one forward pass, shortest first. `waited` says how long each has been in the batcher."""

    items: tuple[T, ...]
    waited: tuple[timedelta, ...]
    real_tokens: int
    """Tokens of the documents themselves."""
    padded_tokens: int
    """What the model computes: the longest document's tokens times the number of documents."""


class Batcher(Generic[T]):
    """Holds documents until a full batch is worth a pass, or the oldest has waited long enough.

    `token_budget` bounds a batch with its padding; a document longer than that makes a batch of its own.
    `deadline` runs from a document's arrival. Not thread-safe. `add`, `due` and `take` all take the time `now`
    as an argument: aware, and never running backwards by more than the deadline.
    """

    def __init__(self, *, token_budget: int, deadline: timedelta) -> None:
        if token_budget < 1:
            raise ValueError(f"token_budget must be at least 1, not {token_budget}")
        self._budget = token_budget
        self._deadline = deadline
        self._waiting: list[_Waiting[T]] = []
        self._tokens = 0
        self._added = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting_tokens(self) -> int:
        """Tokens of all documents that wait, without padding."""
        return self._tokens

    def add(self, item: T, *, tokens: int, arrived_at: datetime, now: datetime) -> None:
        """Takes one document of `tokens` tokens (at least 1)."""
        # A broker whose clock runs ahead must not make a document wait for the future.
        due = min(arrived_at, now) + self._deadline
        insort(self._waiting, _Waiting(tokens, self._added, due, now, item))
        self._added += 1
        self._tokens += tokens

    def due_at(self) -> datetime | None:
        """When the next batch must go: None while nothing waits, in the past when one is overdue."""
        return min((waiting.due for waiting in self._waiting), default=None)

    def due(self, now: datetime) -> bool:
        """Whether a batch is worth a pass now: the budget is filled, or a deadline has come."""
        if self._tokens >= self._budget:
            return True
        first = self.due_at()
        return first is not None and first <= now

    def take(self, now: datetime) -> Batch[T]:
        """Removes the next batch: the document that is due first, and those nearest to it in length.

        So no document can be passed over for ever, and padding stays small. Empty when nothing waits.
        """
        if not self._waiting:
            return Batch((), (), 0, 0)
        first, last = self._window()
        chosen = self._waiting[first : last + 1]
        del self._waiting[first : last + 1]
        real = sum(waiting.tokens for waiting in chosen)
        self._tokens -= real
        return Batch(
            items=tuple(waiting.item for waiting in chosen),
            waited=tuple(now - waiting.added for waiting in chosen),
            real_tokens=real,
            padded_tokens=_padded(chosen),
        )

    def _window(self) -> tuple[int, int]:
        """The places of the batch in order of length: it grows around the oldest document while the budget lasts."""
        lengths = [waiting.tokens for waiting in self._waiting]
        oldest = min(range(len(lengths)), key=lambda place: (self._waiting[place].due, self._waiting[place].number))
        first = last = oldest
        while True:
            shorter = lengths[oldest] - lengths[first - 1] if first else None
            longer = lengths[last + 1] - lengths[oldest] if last + 1 < len(lengths) else None
            count = last - first + 2
            if longer is not None and lengths[last + 1] * count > self._budget:
                longer = None
            if shorter is not None and lengths[last] * count > self._budget:
                shorter = None
            if longer is None and shorter is None:
                return first, last
            if longer is not None and (shorter is None or longer <= shorter):
                last += 1
            else:
                first -= 1


def _padded(chosen: Sequence[_Waiting[T]]) -> int:
    return chosen[-1].tokens * len(chosen)
