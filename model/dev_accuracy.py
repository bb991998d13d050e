"""A quick look at the dev parts while an encoder is trained."""

import torch

from model.corpus import Corpus
from model.network import Network


def dev_accuracy(network: Network, corpus: Corpus) -> dict[str, float]:
    """Accuracy by set: an allowed sentiment is the likeliest considered one, or a true topic the likeliest asked."""
    right: dict[str, list[bool]] = {}
    network.eval()
    device = next(network.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(corpus), 32):
            batch = corpus.batch(list(range(start, min(start + 32, len(corpus))))).to(device)
            sentiment, topics = network(batch.ids, batch.mask)
            best = sentiment.masked_fill(~batch.considered, -torch.inf).argmax(dim=1)
            top = topics.masked_fill(batch.topic_mask < 1, -torch.inf).argmax(dim=1)
            for row in range(len(best)):
                asked = bool(batch.allowed[row].any())
                hit = batch.allowed[row, best[row]] if asked else batch.topics[row, top[row]] > 0
                right.setdefault(corpus.sources[start + row], []).append(bool(hit))
    return {source: sum(hits) / len(hits) for source, hits in right.items()}
