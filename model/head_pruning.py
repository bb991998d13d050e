"""Which attention heads matter least, and a network without them.

Michel, Levy, Neubig: Are sixteen heads really better than one?, NeurIPS 2019, arXiv:1905.10650. What a head writes is
multiplied by a gate, which is 1; its importance is the mean over texts of |∂ loss / ∂ gate|. Importances are divided by
their Euclidean norm in each layer, as the paper does, and the least important heads of all layers together go first.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from model.attention_heads import attention_layers, keep_heads
from model.classifier import pack
from model.corpus import Batch, Corpus
from model.errors import ConfigError
from model.losses import sentiment_loss, topic_loss
from model.measures import Floats
from model.network import Network

TOKENS: Final = 4096  # of one forward and backward pass, padding included


def prune_heads(network: Network, corpus: Corpus, share: float) -> list[list[int]]:
    """Drop the least important heads, in place.

    Args:
        network: a BERT; its weights need no training afterwards, though it helps.
        corpus: labelled texts that the importance is measured on.
        share: of all heads that go, 0 to 1.

    Returns:
        The places of the heads that each layer keeps.

    Raises:
        ConfigError: the encoder is no BERT, or the share leaves too few heads for its layers.
    """
    kept = heads_to_keep(head_importance(network, corpus), share)
    for attention, heads in zip(attention_layers(network.encoder), kept, strict=True):
        if len(heads) < attention.self.num_attention_heads:
            keep_heads(attention, heads)
    return kept


def head_importance(network: Network, corpus: Corpus) -> list[Floats]:
    """The importance of every head: for each layer (heads,), 0 or above.

    Raises:
        ConfigError: the encoder is no BERT.
    """
    layers = attention_layers(network.encoder)
    sums = [np.zeros(layer.self.num_attention_heads) for layer in layers]
    was_training = network.training
    network.eval()
    for places in pack(corpus.lengths, TOKENS):
        for total, gradient in zip(sums, _gradients(network, layers, corpus.batch(places)), strict=True):
            total += gradient.abs().sum(dim=0).double().numpy()
    network.train(was_training)
    return [total / len(corpus) for total in sums]


def heads_to_keep(importance: Sequence[Floats], share: float) -> list[list[int]]:
    """Choose heads: for each layer the places of those that stay, rising, at least one.

    Args:
        importance: as `head_importance` returns it.
        share: of all heads that go, 0 to 1.

    Raises:
        ConfigError: the share is no share, or would leave fewer heads than layers.
    """
    heads = [(layer, head) for layer, of_layer in enumerate(importance) for head in range(len(of_layer))]
    count = round(share * len(heads)) if 0 <= share <= 1 else len(heads)
    if count > len(heads) - len(importance):
        raise ConfigError(
            f"a share of {share:g} of the heads cannot go: there are {len(heads)}, and each of {len(importance)} "
            "layers keeps one"
        )
    best = {(layer, int(of_layer.argmax())) for layer, of_layer in enumerate(importance)}
    relative = [of_layer / max(float(np.linalg.norm(of_layer)), 1e-12) for of_layer in importance]
    ranked = sorted(set(heads) - best, key=lambda one: (relative[one[0]][one[1]], one))
    gone = set(ranked[:count])
    return [
        [head for head in range(len(of_layer)) if (layer, head) not in gone]
        for layer, of_layer in enumerate(importance)
    ]


def _gradients(network: Network, layers: Sequence[Any], batch: Batch) -> tuple[Tensor, ...]:
    """For each layer (documents, heads): how the loss of each document changes with the gate of each head."""
    documents = len(batch.ids)
    gates = [torch.ones(documents, layer.self.num_attention_heads, requires_grad=True) for layer in layers]
    with ExitStack() as hooks:
        for layer, gate in zip(layers, gates, strict=True):
            hook = layer.output.dense.register_forward_pre_hook(_through(gate, layer.self.attention_head_size))
            hooks.callback(hook.remove)
        sentiment, topics, _ = network(batch.ids, batch.mask)
    # No document's loss depends on another document's gates, so the gradient of the sum holds each one's own.
    losses = [
        sentiment_loss(sentiment[one], batch.allowed[one], batch.considered[one])
        + topic_loss(topics[one], batch.topics[one], batch.topic_mask[one], batch.exclusive[one])
        for one in (slice(place, place + 1) for place in range(documents))
    ]
    return torch.autograd.grad(torch.stack(losses).sum(), gates)


def _through(gate: Tensor, size: int) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor, ...]]:
    """A hook that multiplies what heads write, (documents, tokens, heads · size), by gates, (documents, heads)."""
    spread = gate.repeat_interleave(size, dim=1)[:, None, :]
    return lambda _, inputs: (inputs[0] * spread,)
