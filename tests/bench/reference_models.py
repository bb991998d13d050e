"""What our engine is held against: the same network in fp32, as plain ONNX and in `transformers`, and a larger one.

The fp32 network is made from the int8 file that is shipped, so it is the same model and not another training of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    BertPreTrainedModel,
    PreTrainedTokenizerFast,
    TextClassificationPipeline,
    logging,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from model.artefact import COMMITTED, ONNX_INT8, TOKENIZER, read_manifest
from model.encoder import bert_config
from model.export import export_onnx
from model.int8_weights import WORDS, Int8Weights, read_int8
from model.labels import SENTIMENTS
from model.network import Network

__all__ = ["BATCH", "ENCODER", "export_fp32", "fp32_network", "usual_pipeline"]

BATCH = 32
ENCODER = "en"
"""The encoder that reads the bench's texts, which are English."""

Pipeline = Callable[[list[str]], list[dict[str, Any]]]


@cache
def fp32_network() -> Network:
    """The English network with its int8 weights scaled back to fp32."""
    weights = read_int8(COMMITTED / ENCODER / ONNX_INT8)
    network = Network(BertModel(_config(weights), add_pooling_layer=False))
    state = {name: torch.from_numpy(one.copy()) for name, one in weights.floats.items()}
    state[f"{WORDS}.weight"] = state.pop(WORDS)
    for name, product in weights.products.items():
        state[f"{name}.weight"] = torch.from_numpy((product.integers * product.columns).T.copy())
    missing, unexpected = network.load_state_dict(state, strict=False)
    if unexpected or any(name in dict(network.named_parameters()) for name in missing):
        raise ValueError(f"the int8 file is not of this network: missing {missing}, unexpected {unexpected}")
    return network.eval()


def export_fp32(path: Path) -> None:
    """Writes that network as fp32 ONNX."""
    export_onnx(fp32_network(), path)


def usual_pipeline(model: str) -> Pipeline:
    """`transformers`' text classification in fp32 on all cores at batch 32.

    Args:
        model: '110m', an encoder of BERT-base's size with random weights, or 'own', our English network.
    """
    logging.set_verbosity(logging.CRITICAL)  # it knows no class of ours, and says so at length
    own = model == "own"
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(COMMITTED / ENCODER / TOKENIZER),
        pad_token="[PAD]",
        model_max_length=read_manifest(COMMITTED).encoders[ENCODER].max_tokens if own else 512,
    )
    network = _Sentiment(fp32_network()) if own else BertForSequenceClassification(BertConfig(num_labels=3))
    pipeline = TextClassificationPipeline(model=network.eval(), tokenizer=tokenizer, device="cpu")
    return lambda texts: pipeline(texts, batch_size=BATCH, truncation=True)


class _Sentiment(BertPreTrainedModel):
    """Our network in the form that `transformers`' pipeline takes."""

    def __init__(self, network: Network) -> None:
        config = network.encoder.config
        config.id2label = dict(enumerate(SENTIMENTS))
        super().__init__(config)
        self.network = network

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> SequenceClassifierOutput:
        """Token ids to logits; every token is of type 0."""
        sentiment, _, _ = self.network(input_ids, attention_mask)
        return SequenceClassifierOutput(logits=sentiment)


def _config(weights: Int8Weights) -> BertConfig:
    words, places = weights.floats[WORDS], weights.floats["encoder.embeddings.position_embeddings.weight"]
    return bert_config(
        vocabulary=words.shape[0],
        hidden=words.shape[1],
        layers=weights.layers,
        heads=words.shape[1] // weights.head_size,
        intermediate=next(one.integers.shape[1] for name, one in weights.products.items() if "intermediate" in name),
        positions=places.shape[0],
        epsilon=weights.epsilon,
    )
