"""Identical texts are scored once: the last predictions, by the text's tokens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Generic, TypeVar

import numpy as np

__all__ = ["Repeats", "fingerprint"]

P = TypeVar("P")


def fingerprint(ids: Sequence[int], encoder: str = "") -> bytes:
    """16 bytes that stand for token ids and the encoder that reads them: what the model sees, no more and no less."""
    key = encoder.encode()[:64]
    return blake2b(np.asarray(ids, dtype=np.int32).tobytes(), digest_size=16, key=key).digest()


class Repeats(Generic[P]):
    """A bounded memory of answers; the one unused for longest goes first. For one thread."""

    def __init__(self, capacity: int) -> None:
        """`capacity` is how many answers it keeps; 0 keeps none."""
        self._capacity = capacity
        self._known: OrderedDict[bytes, P] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: bytes) -> P | None:
        """The answer given before, or None."""
        if key not in self._known:
            return None
        self._known.move_to_end(key)
        return self._known[key]

    def put(self, key: bytes, answer: P) -> None:
        """Remembers an answer."""
        self._known[key] = answer
        self._known.move_to_end(key)
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)
