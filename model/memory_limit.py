"""Batches cut to what a device's memory holds: halved when it is full, and slowly let grow again."""

from collections.abc import Callable
from typing import Final

import numpy as np

from model.engine_events import EngineEvent, OnEvent, log_event
from model.engines import Engine, FloatArray, IntArray
from model.errors import DeviceMemoryError

GROW_AFTER: Final = 100
"""Passes without trouble before twice as much is tried: a failed try costs one pass in a hundred."""

Arrays = tuple[FloatArray, ...]


class MemoryLimited:
    """An engine that never fails for the size of a batch, unless a single text does not fit.

    `limit` is in tokens, padding included, and None until memory has run out once, which is told as an event. A batch
    over it is run in pieces, and its rows come back in their order.

    Args:
        engine: raises DeviceMemoryError where a batch does not fit.
        on_event: what is told when the limit falls.
    """

    def __init__(self, engine: Engine, *, on_event: OnEvent = log_event) -> None:
        self._engine = engine
        self._on_event = on_event
        self._failed_at = 0
        self._passes = 0
        self.limit: int | None = None
        self.name = engine.name
        self.embedding_width = engine.embedding_width

    def logits(self, ids: IntArray, mask: IntArray) -> tuple[FloatArray, FloatArray]:
        """See `Engine.logits`. Raises DeviceMemoryError for a single text, else what the engine does."""
        sentiment, topics = self._in_pieces(self._engine.logits, ids, mask)
        return sentiment, topics

    def embeddings(self, ids: IntArray, mask: IntArray) -> FloatArray:
        """See `Engine.embeddings` and, for what it raises, `logits`."""
        (found,) = self._in_pieces(lambda *piece: (self._engine.embeddings(*piece),), ids, mask)
        return found

    def _in_pieces(self, run: Callable[[IntArray, IntArray], Arrays], ids: IntArray, mask: IntArray) -> Arrays:
        rows, tokens = ids.shape
        found: list[Arrays] = []
        done = 0
        while done < rows:
            most = rows if self.limit is None else max(self.limit // tokens, 1)
            piece = slice(done, min(done + most, rows))
            # The next try is made outside of the handler: an error holds on to its frames, and they to the memory.
            try:
                found.append(run(ids[piece], mask[piece]))
            except DeviceMemoryError as error:
                if piece.stop - piece.start == 1:
                    raise
                self._halve((piece.stop - piece.start) * tokens, str(error))
            else:
                done = piece.stop
                self._grow()
        return found[0] if len(found) == 1 else tuple(np.concatenate(one) for one in zip(*found, strict=True))

    def _halve(self, tokens: int, detail: str) -> None:
        self.limit, self._failed_at, self._passes = tokens // 2, tokens, 0
        self._on_event(EngineEvent("out_of_memory", self.name, f"{detail}; now {self.limit} tokens a pass"))

    def _grow(self) -> None:
        limit = self.limit
        if limit is None:
            return
        self._passes += 1
        if self._passes >= GROW_AFTER:
            self._passes = 0
            self.limit = None if limit * 2 > self._failed_at else limit * 2
