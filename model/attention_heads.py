"""The attention heads of a BERT encoder, and the same encoder without some of them.

A head reads and writes its own rows of the query, key and value matrices and its own columns of the output matrix, so
what is left of a layer is a slice of each. The size of a head stays what the configuration gives (hidden size by number
of heads), and BERT's attention takes the number of heads from the width of its matrices: every layer may have another.
MPNet adds one bias a head to the scores of all its layers, which layers with different heads could not share.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from model.errors import ConfigError

BERT: Final = "bert"


def attention_layers(encoder: Any) -> list[Any]:
    """The attention of each layer of an encoder.

    Raises:
        ConfigError: the encoder is no BERT.
    """
    if encoder.config.model_type != BERT:
        raise ConfigError(f"an encoder of the kind {encoder.config.model_type!r} cannot lose heads, only {BERT!r} can")
    return [layer.attention for layer in encoder.encoder.layer]


def keep_heads(attention: Any, kept: Sequence[int]) -> None:
    """Drop all heads of one layer but these, in place.

    Args:
        attention: of one layer.
        kept: places of heads, rising, at least one.
    """
    size = attention.self.attention_head_size
    places = torch.tensor([head * size + at for head in kept for at in range(size)])
    for name in ("query", "key", "value"):
        part = getattr(attention.self, name)
        setattr(attention.self, name, _linear(part.weight[places], part.bias[places]))
    attention.output.dense = _linear(attention.output.dense.weight[:, places], attention.output.dense.bias)
    attention.self.num_attention_heads = len(kept)
    attention.self.all_head_size = len(places)


def fit_heads(encoder: Any, weights: Mapping[str, Tensor]) -> None:
    """Leave every layer of a new encoder as many heads as the weights have that it is about to load, in place.

    Args:
        encoder: as its configuration makes it, with all heads; one that cannot lose heads is left alone.
        weights: of the network, by name.
    """
    if encoder.config.model_type != BERT:
        return
    for place, attention in enumerate(attention_layers(encoder)):
        rows = len(weights[f"encoder.encoder.layer.{place}.attention.self.query.weight"])
        heads = rows // attention.self.attention_head_size
        if heads < attention.self.num_attention_heads:
            keep_heads(attention, range(heads))


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0])
    made.weight, made.bias = nn.Parameter(weight.detach().clone()), nn.Parameter(bias.detach().clone())
    return made
