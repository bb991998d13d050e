"""One bad document must not take its batch with it: halve the batch until the culprit is alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["each"]

A = TypeVar("A")
R = TypeVar("R")


def each(
    work: Callable[[Sequence[A]], Sequence[R]],
    items: Sequence[A],
    *,
    passing: tuple[type[BaseException], ...] = (),
) -> list[R | Exception]:
    """Runs `work` on all items together and returns its answers, in their order.

    Where it raises, the answer of each item that it also raises on alone is that exception, and the others are
    answered all the same. `passing` are exceptions that are nobody's fault (a service is away): they pass through.
    `work` may so see an item more than once. Raises ValueError if it answers with another number than it was asked.
    """
    if not items:
        return []
    try:
        answers = work(items)
    except passing:
        raise
    except Exception as error:
        if len(items) == 1:
            return [error]
        middle = len(items) // 2
        return each(work, items[:middle], passing=passing) + each(work, items[middle:], passing=passing)
    if len(answers) != len(items):
        raise ValueError(f"{len(answers)} answers to {len(items)} items")
    return list(answers)
