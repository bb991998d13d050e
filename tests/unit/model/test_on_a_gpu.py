"""What only a GPU can show: its memory really runs out, its context is really lost. Skipped where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import torch

from model.classifier import Classifier
from model.engine_events import EngineEvent
from model.written.rows import written_examples

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
ROOT = Path(__file__).parents[3]


def test_a_gpu_without_room_is_given_smaller_passes_and_the_answers_stay() -> None:
    texts = [one.text for one in written_examples(copies=2, seed=0)]
    told: list[EngineEvent] = []
    classifier = Classifier.load(engine="cuda", on_event=told.append)
    expected = classifier.predict(texts)
    torch.cuda.empty_cache()
    held = torch.cuda.memory_allocated()
    try:
        limit = held + 100 * 2**20
        torch.cuda.set_per_process_memory_fraction(limit / torch.cuda.get_device_properties(0).total_memory)
        found = classifier.predict(texts, token_budget=262_144)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert {event.kind for event in told} == {"out_of_memory"}
    assert classifier.engine_name == "torch-int8-cuda"
    np.testing.assert_allclose([one.negative for one in found], [one.negative for one in expected], atol=0.02)


def test_a_lost_gpu_is_replaced_by_the_processor_within_the_batch() -> None:
    """In a process of its own: a context that failed stays failed."""
    program = dedent("""
        import torch
        from model.classifier import Classifier
        told = []
        classifier = Classifier.load(engine="cuda", on_event=lambda event: told.append(event.kind))
        before = classifier.predict(["profit fell", "\u5229\u6da6\u4e0b\u964d"])
        torch.zeros(1, device="cuda")[torch.tensor([5], device="cuda")]  # the device asserts and is gone
        after = classifier.predict(["profit fell", "\u5229\u6da6\u4e0b\u964d"])
        assert told == ["device_lost"], told
        assert classifier.engine_name.startswith("onnxruntime"), classifier.engine_name
        assert all(abs(a.negative - b.negative) < 0.02 for a, b in zip(before, after))
        print("answered")
    """)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "answered", done.stderr[-2000:]
