"""A quick look at the dev parts: accuracy by set, of a network in training or of any engine's logits."""

from collections.abc import Sequence

import torch
from torch import Tensor

from model.corpus import Batch, Corpus
from model.network import Network


def dev_accuracy(network: Network, corpus: Corpus) -> dict[str, float]:
    """Accuracy by set: an allowed sentiment is the likeliest considered one, or a true topic the likeliest asked."""
    right: dict[str, list[bool]] = {}
    network.eval()
    device = next(network.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(corpus), 32):
            places = list(range(start, min(start + 32, len(corpus))))
            batch = corpus.batch(places)
            sentiment, topics, _ = network(batch.ids.to(device), batch.mask.to(device))
            add_hits(right, sentiment.cpu(), topics.cpu(), batch, [corpus.sources[place] for place in places])
    return shares(right)


def add_hits(
    right: dict[str, list[bool]], sentiment: Tensor, topics: Tensor, batch: Batch, sources: Sequence[str]
) -> None:
    """Note for each document of a batch, under its set, whether logits answer it right.

    Args:
        right: hits by set, added to.
        sentiment: (documents, 3) logits.
        topics: (documents, topics) logits.
        batch: the documents.
        sources: their sets.
    """
    best = sentiment.masked_fill(~batch.considered, -torch.inf).argmax(dim=1)
    top = topics.masked_fill(batch.topic_mask < 1, -torch.inf).argmax(dim=1)
    for row, source in enumerate(sources):
        asked = bool(batch.allowed[row].any())
        hit = batch.allowed[row, best[row]] if asked else batch.topics[row, top[row]] > 0
        right.setdefault(source, []).append(bool(hit))


def shares(right: dict[str, list[bool]]) -> dict[str, float]:
    """Hits by set as accuracies."""
    return {source: sum(hits) / len(hits) for source, hits in right.items()}
