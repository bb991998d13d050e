"""Accuracy, size and speed of several engines side by side, and which of them no other beats in all three."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Final

import msgspec
import torch

from model.classifier import pack
from model.corpus import Corpus
from model.dev_accuracy import add_hits, shares
from model.engines import Engine

TOKENS: Final = 4096  # of one forward pass, padding included


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine, the dev texts as its own tokenizer cuts them, and the files that it needs."""

    name: str
    engine: Engine
    corpus: Corpus
    files: tuple[Path, ...]


class Measured(msgspec.Struct, frozen=True):
    """`accuracy`: mean over sets of the dev part, 0 to 1; `megabytes`: of its files; `best`: on the Pareto front."""

    name: str
    engine: str
    accuracy: float
    by_set: dict[str, float]
    megabytes: float
    texts_per_second: float
    best: bool


def measure_side_by_side(candidates: Sequence[Candidate], *, rounds: int = 5) -> list[Measured]:
    """Measure all candidates on the same texts, in turns, so that whatever else the machine does slows all of them.

    Args:
        candidates: at least one, with corpora of the same texts.
        rounds: turns; the median of a candidate's speeds counts, and the first turn, which warms up, does not.
    """
    speeds: dict[str, list[float]] = {one.name: [] for one in candidates}
    accuracies: dict[str, dict[str, float]] = {}
    for turn in range(rounds + 1):
        for one in candidates:
            seconds, found = _run(one)
            accuracies[one.name] = found
            if turn:
                speeds[one.name].append(len(one.corpus) / seconds)
    rows = [
        Measured(
            one.name,
            one.engine.name,
            fmean(accuracies[one.name].values()),
            accuracies[one.name],
            sum(path.stat().st_size for path in one.files) / 1e6,
            median(speeds[one.name]),
            False,
        )
        for one in candidates
    ]
    return [msgspec.structs.replace(one, best=not any(beats(other, one) for other in rows)) for one in rows]


def beats(one: Measured, other: Measured) -> bool:
    """Whether one is at least as good in accuracy, size and speed, and better in one of them."""
    ours = (one.accuracy, -one.megabytes, one.texts_per_second)
    theirs = (other.accuracy, -other.megabytes, other.texts_per_second)
    return all(a >= b for a, b in zip(ours, theirs, strict=True)) and ours != theirs


def _run(one: Candidate) -> tuple[float, dict[str, float]]:
    corpus, right, seconds = one.corpus, dict[str, list[bool]](), 0.0
    for places in pack(corpus.lengths, TOKENS):
        batch = corpus.batch(places)
        ids, mask = batch.ids.numpy(), batch.mask.numpy()
        began = time.perf_counter()
        sentiment, topics = one.engine.logits(ids, mask)
        seconds += time.perf_counter() - began
        sources = [corpus.sources[place] for place in places]
        add_hits(right, torch.from_numpy(sentiment), torch.from_numpy(topics), batch, sources)
    return seconds, shares(right)
