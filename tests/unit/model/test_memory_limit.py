"""A GPU whose memory runs out: batches are cut until they fit, every row is answered, in order, and growth is tried.

The device is torch's CPU, and a network of these tests says that memory is full, as torch would, above so many tokens.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from model.engine_events import EngineEvent
from model.errors import DeviceMemoryError
from model.int8_engine import Int8TorchEngine
from model.memory_limit import GROW_AFTER, MemoryLimited

WIDTH = 4


class Memory:
    """A network that gives each row its first token back, and fails on more than `room` tokens."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.sizes: list[int] = []

    def __call__(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.sizes.append(ids.numel())
        if ids.numel() > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee the documentation.")
        first = ids[:, :1].to(torch.float32)
        return first.expand(-1, 3), -first.expand(-1, 2), first.expand(-1, WIDTH) * 2


def limited(room: int) -> tuple[MemoryLimited, Memory, list[EngineEvent]]:
    network, events = Memory(room), list[EngineEvent]()
    engine = Int8TorchEngine(network, device="cpu", width=WIDTH)
    return MemoryLimited(engine, on_event=events.append), network, events


def batch(rows: int, tokens: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    ids = np.arange(rows * tokens, dtype=np.int64).reshape(rows, tokens)
    return ids, np.ones_like(ids)


@given(room=st.integers(8, 400), shapes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 8)), max_size=12))
def test_every_row_is_answered_in_order_whatever_fits(room: int, shapes: list[tuple[int, int]]) -> None:
    engine, _, _ = limited(room)
    for rows, tokens in shapes:
        ids, mask = batch(rows, tokens)
        sentiment, topics = engine.logits(ids, mask)
        np.testing.assert_array_equal(sentiment, np.repeat(ids[:, :1], 3, axis=1))
        np.testing.assert_array_equal(topics, -np.repeat(ids[:, :1], 2, axis=1))
        np.testing.assert_array_equal(engine.embeddings(ids, mask), 2 * np.repeat(ids[:, :1], WIDTH, axis=1))


def test_the_budget_is_halved_until_a_piece_fits_and_then_remembered() -> None:
    engine, network, events = limited(room=30)
    engine.logits(*batch(rows=32, tokens=4))
    assert engine.limit == 16
    assert network.sizes == [128, 64, 32, *[16] * 8]
    assert [event.kind for event in events] == ["out_of_memory"] * 3
    assert "cpu is full: CUDA out of memory. Tried to allocate 2.00 GiB.; now 64 tokens a pass" in events[0].detail
    network.sizes.clear()
    engine.logits(*batch(rows=6, tokens=4))
    assert network.sizes == [16, 8], "what is known not to fit is not tried again"


def test_memory_that_is_back_is_used_again() -> None:
    engine, network, events = limited(room=64)
    engine.logits(*batch(32, 4))
    assert engine.limit == 64
    network.room = 1000
    for _ in range(GROW_AFTER):
        engine.logits(*batch(1, 4))
    assert engine.limit is None or engine.limit == 128
    network.sizes.clear()
    engine.logits(*batch(32, 4))
    assert network.sizes == [128]
    assert len(events) == 1


def test_growing_too_soon_costs_one_pass() -> None:
    engine, network, _ = limited(room=30)
    engine.logits(*batch(32, 4))
    for _ in range(GROW_AFTER):
        engine.logits(*batch(4, 4))
    network.sizes.clear()
    engine.logits(*batch(8, 4))
    assert network.sizes == [32, 16, 16]
    assert engine.limit == 16


def test_a_text_that_does_not_fit_alone_is_told() -> None:
    engine, _, _ = limited(room=5)
    with pytest.raises(DeviceMemoryError, match="cpu is full"):
        engine.logits(*batch(4, 6))


def test_no_other_error_is_taken_for_want_of_memory() -> None:
    def defect(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        raise RuntimeError("The size of tensor a (3) must match the size of tensor b (4)")

    engine = MemoryLimited(Int8TorchEngine(defect, device="cpu", width=WIDTH))
    with pytest.raises(RuntimeError, match="The size of tensor"):
        engine.logits(*batch(4, 4))
