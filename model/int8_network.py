"""The int8 network in torch: the sums that ONNX Runtime makes, on any device.

Plain bf16 or fp16 would be closer to the network that was trained, but not to the one that is measured, calibrated and
running on every CPU: what rounding activations to eight bits does to a text, each engine would do differently. So the
rounding of `model/quantization.py` is repeated here, integers are multiplied as integers, and all between two products
stays in float32. Decision 0013 has the figures.
"""

from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.int8_weights import LAYER, WORDS, Int8Product, Int8Weights
from model.quantization import ACTIVATION_LIMIT

_QUIET: Final = 1e-9  # the scale of a token that is all zeros, as in the ONNX file
_ROWS: Final = 32
"""torch takes no fewer than 17 rows of int8 on CUDA, and cuBLAS refuses some odd numbers of them (pytorch #169956 and
#178469): rows are filled up to a multiple of this, with zeros, which change no sum."""
_EMBEDDINGS: Final = "encoder.embeddings"


class Int8Linear(nn.Module):
    """y = (q · W) s w + b for one product, or for several of the same input side by side."""

    def __init__(self, products: list[Int8Product], biases: list[Tensor]) -> None:
        super().__init__()
        rows = torch.cat([torch.from_numpy(one.integers.T.copy()) for one in products])  # (out, in), as CUDA likes it
        self.register_buffer("integers", rows)
        self.register_buffer("columns", torch.cat([torch.from_numpy(one.columns.copy()) for one in products]))
        self.register_buffer("bias", torch.cat(biases))

    def forward(self, hidden: Tensor) -> Tensor:
        """(documents, tokens, in) float32 to (documents, tokens, out) float32."""
        integers, columns, bias = (cast(Tensor, one) for one in (self.integers, self.columns, self.bias))
        flat = hidden.reshape(-1, hidden.shape[-1])
        loudest = torch.linalg.vector_norm(flat, ord=float("inf"), dim=1, keepdim=True)
        scale = (loudest * (1 / ACTIVATION_LIMIT)).clamp_(min=_QUIET)
        steps = torch.round(flat / scale).to(torch.int8)
        steps = functional.pad(steps, (0, 0, 0, -len(steps) % _ROWS))
        sums = torch._int_mm(steps, integers.t())[: len(flat)].to(torch.float32)
        return torch.addcmul(bias, sums.mul_(scale), columns).view(*hidden.shape[:-1], -1)


class Int8Layer(nn.Module):
    """One layer of a BERT encoder."""

    def __init__(self, weights: Int8Weights, place: int) -> None:
        super().__init__()
        name = LAYER.format(place)
        self.head_size = weights.head_size
        self.heads = _linear(weights, *(f"{name}attention.self.{one}" for one in ("query", "key", "value")))
        self.joined = _linear(weights, f"{name}attention.output.dense")
        self.attention_norm = _norm(weights, f"{name}attention.output.LayerNorm")
        self.wide = _linear(weights, f"{name}intermediate.dense")
        self.narrow = _linear(weights, f"{name}output.dense")
        self.output_norm = _norm(weights, f"{name}output.LayerNorm")

    def forward(self, hidden: Tensor, hide: Tensor) -> Tensor:
        """Run one layer.

        Args:
            hidden: (documents, tokens, width).
            hide: (documents, 1, 1, tokens), added to the scores: 0 for a token, very low for padding.
        """
        documents, tokens = hidden.shape[:2]
        split = self.heads(hidden).view(documents, tokens, 3, -1, self.head_size).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind()
        scores = query @ key.transpose(2, 3) * self.head_size**-0.5 + hide
        read = (scores.softmax(dim=-1) @ value).transpose(1, 2).reshape(documents, tokens, -1)
        hidden = self.attention_norm(hidden + self.joined(read))
        normed: Tensor = self.output_norm(hidden + self.narrow(functional.gelu(self.wide(hidden))))
        return normed


class Int8Network(nn.Module):
    """Token ids to logits and embeddings: takes and gives what `Network` of `model/network.py` does."""

    def __init__(self, weights: Int8Weights) -> None:
        super().__init__()
        floats = {name: torch.from_numpy(one.copy()) for name, one in weights.floats.items()}
        self.width = floats[WORDS].shape[1]
        # Every token is of type 0: `model/export.py` knows no others. Word, type and place are added in that order, as
        # in the file: sums rounded otherwise move activations across the edge between two of their 255 steps.
        self.register_buffer("words", floats[WORDS])
        self.register_buffer("kind", floats[f"{_EMBEDDINGS}.token_type_embeddings.weight"][0])
        self.register_buffer("places", floats[f"{_EMBEDDINGS}.position_embeddings.weight"])
        self.norm = _norm(weights, f"{_EMBEDDINGS}.LayerNorm")
        self.layers = nn.ModuleList([Int8Layer(weights, place) for place in range(weights.layers)])
        self.sentiment = _head(floats["sentiment.weight"], floats["sentiment.bias"])
        self.topics = _head(floats["topics.weight"], floats["topics.bias"])

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run a batch; nothing in it makes the host wait for the device."""
        words, kind, places = (cast(Tensor, one) for one in (self.words, self.kind, self.places))
        weight = attention_mask.to(torch.float32)
        hide = (1 - weight)[:, None, None, :] * torch.finfo(torch.float32).min
        hidden = self.norm(words[input_ids] + kind + places[: input_ids.shape[1]])
        for layer in self.layers:
            hidden = layer(hidden, hide)
        pooled = (hidden * weight[:, :, None]).sum(dim=1) / weight.sum(dim=1, keepdim=True)
        return self.sentiment(pooled), self.topics(pooled), pooled


def _linear(weights: Int8Weights, *names: str) -> Int8Linear:
    biases = [torch.from_numpy(weights.floats[f"{name}.bias"].copy()) for name in names]
    return Int8Linear([weights.products[name] for name in names], biases)


def _norm(weights: Int8Weights, name: str) -> nn.LayerNorm:
    gain = torch.from_numpy(weights.floats[f"{name}.weight"].copy())
    made = nn.LayerNorm(len(gain), eps=weights.epsilon)
    made.weight, made.bias = (
        nn.Parameter(gain, requires_grad=False),
        nn.Parameter(torch.from_numpy(weights.floats[f"{name}.bias"].copy()), requires_grad=False),
    )
    return made


def _head(weight: Tensor, bias: Tensor) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0])
    made.weight, made.bias = nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)
    return made
