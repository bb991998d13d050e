"""Which texts share a forward pass: batches by token budget and deadline, packed by length, live ones first."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeVar

__all__ = ["Batch", "Batcher", "Lane"]

T = TypeVar("T")
Lane = Literal["live", "backfill"]

_LIVE_IN_A_ROW = 7
"""So many live batches go before a waiting backfill gets its turn: an eighth of the passes is always its own."""

_SMOOTHING = 0.2
"""Weight of the newest gap between two arrivals in the expected one (exponentially weighted moving average)."""


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
    """Tokens of the texts themselves."""
    padded_tokens: int
    """What the model computes: the longest text's tokens times the number of texts."""


class Batcher(Generic[T]):
    """Holds texts until a full batch is worth a pass, or the oldest has waited long enough.

    `token_budget` bounds a batch with its padding; a text longer than that makes a batch of its own. `deadline` runs
    from a text's arrival; a text for which no company is expected by then, as texts have been arriving, goes at once.
    Texts for different encoders never share a batch. Live texts go first, but never more than seven batches of them
    while a backfill waits. Not thread-safe. `add`, `due`, `due_at` and `take` take the time `now` as an argument:
    aware, and never running backwards by more than the deadline.
    """

    def __init__(self, *, token_budget: int, deadline: timedelta) -> None:
        if token_budget < 1:
            raise ValueError(f"token_budget must be at least 1, not {token_budget}")
        self._budget = token_budget
        self._deadline = deadline
        self._queues: dict[tuple[Lane, str], _Queue[T]] = {}
        self._added = 0
        self._live_in_a_row = 0

    def __len__(self) -> int:
        return sum(len(queue.waiting) for queue in self._queues.values())

    @property
    def waiting_tokens(self) -> int:
        """Tokens of all texts that wait, without padding."""
        return sum(queue.tokens for queue in self._queues.values())

    def add(
        self, item: T, *, tokens: int, arrived_at: datetime, now: datetime, encoder: str = "", lane: Lane = "live"
    ) -> None:
        """Takes one text of `tokens` tokens (at least 1) for the encoder of that name."""
        # A broker whose clock runs ahead must not make a text wait for the future.
        due = min(arrived_at, now) + self._deadline
        queue = self._queues.setdefault((lane, encoder), _Queue(lane))
        queue.add(_Waiting(tokens, self._added, due, now, item))
        self._added += 1

    def due_at(self) -> datetime | None:
        """When the next batch must go: None while nothing waits, in the past when one is overdue."""
        return min((queue.oldest().due for queue in self._queues.values() if queue.waiting), default=None)

    def due(self, now: datetime) -> bool:
        """Whether a batch is worth a pass now: a budget is filled, a deadline has come, or no company is expected."""
        return any(queue.due(now, self._budget) for queue in self._queues.values() if queue.waiting)

    def take(self, now: datetime) -> Batch[T]:
        """Removes the next batch: the text that is due first, and those nearest to it in length.

        So no text can be passed over for ever, and padding stays small. Empty when nothing waits.
        """
        waiting = [queue for queue in self._queues.values() if queue.waiting]
        if not waiting:
            return Batch((), (), 0, 0)
        owed = self._live_in_a_row >= _LIVE_IN_A_ROW
        queue = min(
            waiting,
            key=lambda one: (not one.due(now, self._budget), (one.lane == "live") == owed, one.oldest().due),
        )
        backfill_waits = any(one.lane == "backfill" for one in waiting)
        self._live_in_a_row = self._live_in_a_row + 1 if queue.lane == "live" and backfill_waits else 0
        chosen = queue.take(self._budget)
        return Batch(
            items=tuple(one.item for one in chosen),
            waited=tuple(now - one.added for one in chosen),
            real_tokens=sum(one.tokens for one in chosen),
            padded_tokens=chosen[-1].tokens * len(chosen),
        )


@dataclass
class _Queue(Generic[T]):
    """Texts of one lane for one encoder, by length."""

    lane: Lane
    waiting: list[_Waiting[T]] = field(default_factory=list)
    tokens: int = 0
    gap: timedelta | None = None
    last: datetime | None = None

    def add(self, one: _Waiting[T]) -> None:
        insort(self.waiting, one)
        self.tokens += one.tokens
        if self.last is not None:
            gap = max(one.added - self.last, timedelta())
            self.gap = gap if self.gap is None else self.gap + _SMOOTHING * (gap - self.gap)
        self.last = one.added

    def oldest(self) -> _Waiting[T]:
        return min(self.waiting, key=_age)

    def due(self, now: datetime, budget: int) -> bool:
        first = self.oldest()
        if self.tokens >= budget or first.due <= now:
            return True
        return self.gap is not None and self.last is not None and self.last + self.gap > first.due

    def take(self, budget: int) -> Sequence[_Waiting[T]]:
        first, last = self._window(budget)
        chosen = self.waiting[first : last + 1]
        del self.waiting[first : last + 1]
        self.tokens -= sum(one.tokens for one in chosen)
        return chosen

    def _window(self, budget: int) -> tuple[int, int]:
        """The places of the batch in order of length: it grows around the oldest text while the budget lasts."""
        lengths = [one.tokens for one in self.waiting]
        oldest = min(range(len(lengths)), key=lambda place: _age(self.waiting[place]))
        first = last = oldest
        while True:
            shorter = lengths[oldest] - lengths[first - 1] if first else None
            longer = lengths[last + 1] - lengths[oldest] if last + 1 < len(lengths) else None
            count = last - first + 2
            if longer is not None and lengths[last + 1] * count > budget:
                longer = None
            if shorter is not None and lengths[last] * count > budget:
                shorter = None
            if longer is None and shorter is None:
                return first, last
            if longer is not None and (shorter is None or longer <= shorter):
                last += 1
            else:
                first -= 1


def _age(one: _Waiting[T]) -> tuple[datetime, int]:
    return one.due, one.number
