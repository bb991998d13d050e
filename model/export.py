"""From the trained network to one small file: ONNX, with int8 weights.

Word embeddings become int8 with one scale a row, looked up and scaled back, which costs nothing measurable. Matrix
products become int8 as `model/quantization.py` says.
"""

import logging
import tempfile
import warnings
from pathlib import Path
from typing import Final, cast

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from model.engines import EMBEDDING, LOGITS, OnnxEngine, TorchEngine
from model.network import Network
from model.quantization import quantize_products

OPSET: Final = 18
log = logging.getLogger(__name__)


class RowQuantizedEmbedding(nn.Module):
    """An embedding table kept as int8 with one fp32 scale a row.

    Args:
        weight: (pieces, width) float32.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        scale = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127
        self.register_buffer("table", torch.round(weight / scale).clamp(-127, 127).to(torch.int8))
        self.register_buffer("scale", scale)

    def forward(self, ids: Tensor) -> Tensor:
        """Look up (documents, tokens) ids: (documents, tokens, width) float32."""
        table, scale = cast(Tensor, self.table), cast(Tensor, self.scale)
        return table[ids].to(torch.float32) * scale[ids]


def export_onnx(network: Network, path: Path, *, int8_embeddings: bool = False) -> None:
    """Write the network as fp32 ONNX, batch and length free; the network itself is left as it was."""
    words = network.encoder.embeddings.word_embeddings
    attention = network.encoder.config._attn_implementation
    was_training = network.training
    ids = torch.full((2, 5), 4, dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 3:] = 0
    try:
        if int8_embeddings:
            network.encoder.embeddings.word_embeddings = RowQuantizedEmbedding(words.weight.detach())
        network.encoder.set_attn_implementation("eager")
        network.eval()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter warns about its own future
            torch.onnx.export(
                network,
                (ids, mask),
                str(path),
                input_names=["input_ids", "attention_mask"],
                output_names=[*LOGITS, EMBEDDING],
                dynamic_axes={name: {0: "documents", 1: "tokens"} for name in ("input_ids", "attention_mask")}
                | {name: {0: "documents"} for name in (*LOGITS, EMBEDDING)},
                opset_version=OPSET,
                dynamo=False,
            )
    finally:
        network.encoder.embeddings.word_embeddings = words
        network.encoder.set_attn_implementation(attention)
        network.train(was_training)


def calibrate(network: Network, *, sentiment: float, topics: float) -> None:
    """Divide the network's logits by temperatures, in its weights, so that they need no more calibration."""
    with torch.no_grad():
        for head, temperature in ((network.sentiment, sentiment), (network.topics, topics)):
            head.weight.div_(temperature)
            head.bias.div_(temperature)


def export_int8(network: Network, path: Path) -> None:
    """Write the network as int8 ONNX; the file's name should hold `.int8.`."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        export_onnx(network, plain, int8_embeddings=True)
        graph = onnx.load(str(plain))
    count = quantize_products(graph)
    path.write_bytes(graph.SerializeToString())
    log.info("wrote %s, %d products in int8, %.1f MB", path, count, path.stat().st_size / 1e6)


def disagreement(reference: TorchEngine, engine: OnnxEngine, ids: Tensor, mask: Tensor) -> float:
    """The share of documents whose likeliest sentiment the two engines do not agree on, 0 to 1."""
    ours, _ = reference.logits(ids.numpy(), mask.numpy())
    theirs, _ = engine.logits(ids.numpy(), mask.numpy())
    return float(np.mean(ours.argmax(axis=1) != theirs.argmax(axis=1)))
