"""What an int8 file holds, as arrays: the reading side of `model/export.py` and `model/quantization.py`.

The file is the only form in which weights are shipped, and the one whose SHA-256 the manifest vouches for. Whoever runs
the network without ONNX Runtime starts from the same integers, so that there is one model and not one for each engine.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, numpy_helper

from model.errors import ArtefactError

LAYER: Final = "encoder.encoder.layer.{}."
WORDS: Final = "encoder.embeddings.word_embeddings"
_COLUMNS: Final = "/columns"
_QUERY: Final = ".attention.self.query.bias"


@dataclass(frozen=True, slots=True)
class Int8Product:
    """A product's matrix: (in, out) int8, and a float32 scale for each of its columns."""

    integers: npt.NDArray[np.int8]
    columns: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Int8Weights:
    """A BERT encoder with its two heads.

    `products` are by the name of the layer that they belong to, without its `.weight`; `floats` is all that is not
    int8, by the names that `model/network.py` has. Word embeddings are scaled back to float32.
    """

    layers: int
    head_size: int
    epsilon: float
    floats: dict[str, npt.NDArray[np.float32]]
    products: dict[str, Int8Product]


def read_int8(path: Path) -> Int8Weights:
    """Read a file that `export_int8` wrote.

    Raises:
        ArtefactError: it is no ONNX model, or not of the shape that a BERT encoder is exported in.
    """
    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # protobuf's own exception types are private
        raise ArtefactError(f"{path} is not a readable ONNX model: {error}. Train or check out again.") from error
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    products = {
        name: Int8Product(constants[columns.removesuffix(_COLUMNS) + "/weight"], constants[columns])
        for node in graph.node
        if (named := _named_product(node, made)) is not None
        for name, columns in [named]
    }
    layers = sum(name.endswith(_QUERY) for name in constants)
    if not layers or len(products) != 6 * layers or sum(node.op_type == "Erf" for node in graph.node) != layers:
        raise ArtefactError(f"{path} is not the int8 export of a BERT encoder: only the 'onnx' engine can run it.")
    floats = {name: one for name, one in constants.items() if one.dtype == np.float32 and not name.startswith("int8/")}
    floats[WORDS] = constants[f"{WORDS}.table"].astype(np.float32) * floats.pop(f"{WORDS}.scale")
    return Int8Weights(layers, _head_size(graph.node, made), _epsilon(graph.node), floats, products)


def _named_product(node: NodeProto, made: dict[str, NodeProto]) -> tuple[str, str] | None:
    """The layer whose bias a node adds to a product, and what the product's columns are called."""
    if node.op_type != "Add":
        return None
    bias = next((name for name in node.input if name.endswith(".bias")), None)
    scaled = next((made[name] for name in node.input if name in made and made[name].op_type == "Mul"), None)
    if bias is None or scaled is None or not scaled.input[1].endswith(_COLUMNS):
        return None
    return bias.removesuffix(".bias"), scaled.input[1]


def _head_size(nodes: Any, made: dict[str, NodeProto]) -> int:
    """How the queries are cut: the last number of the shape that they are given, (documents, tokens, heads, size)."""
    queries = {node.output[0] for node in nodes if any(name.endswith(_QUERY) for name in node.input)}
    cut = next(node for node in nodes if node.op_type == "Reshape" and node.input[0] in queries)
    return int(numpy_helper.to_array(made[made[cut.input[1]].input[-1]].attribute[0].t).item())


def _epsilon(nodes: Any) -> float:
    norm = next(node for node in nodes if node.op_type == "LayerNormalization")
    return next(float(one.f) for one in norm.attribute if one.name == "epsilon")
