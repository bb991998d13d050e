"""Which examples a training step sees: drawn by weight, bucketed by length, the same for the same seed."""

from collections.abc import Sequence

import numpy as np


def draw(sources: Sequence[str], repeat: dict[str, float], rng: np.random.Generator) -> list[int]:
    """Draw the places of one pass: a row of weight 2.3 comes twice, and a third time with probability 0.3."""
    weights = np.array([repeat.get(source, 1.0) for source in sources])
    times = np.floor(weights).astype(np.int64) + (rng.random(len(weights)) < weights % 1)
    return [int(place) for place in np.repeat(np.arange(len(weights)), times)]


def batches(
    lengths: Sequence[int], places: Sequence[int], batch_tokens: int, rng: np.random.Generator
) -> list[list[int]]:
    """Pack places into batches of similar length, each at most `batch_tokens` with padding, in random order.

    Lengths are jittered before sorting, so that the same texts do not meet in every pass.
    """
    jittered = np.array([lengths[place] for place in places]) * rng.uniform(0.94, 1.06, size=len(places))
    found: list[list[int]] = []
    batch: list[int] = []
    longest = 0
    for at in np.argsort(jittered, kind="stable"):
        place = places[int(at)]
        longest = max(longest, lengths[place])
        if batch and longest * (len(batch) + 1) > batch_tokens:
            found.append(batch)
            batch, longest = [], lengths[place]
        batch.append(place)
    if batch:
        found.append(batch)
    return [found[int(at)] for at in rng.permutation(len(found))]


def plan(
    lengths: Sequence[int], sources: Sequence[str], repeat: dict[str, float], batch_tokens: int, *, seed: int, turn: int
) -> list[list[int]]:
    """The batches of pass number `turn`; a pure function of its arguments, so a resumed run sees the same."""
    rng = np.random.default_rng((seed, turn))
    return batches(lengths, draw(sources, repeat, rng), batch_tokens, rng)
