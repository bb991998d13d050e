"""Matrix products in int8 whose answers do not depend on what else is in the batch.

ONNX Runtime's own dynamic quantization scales activations by the largest value of the whole batch, so that a text's
answer changes with its neighbours (measured: logits by up to 0.16). Here every token has its own scale:

    s = max|x| / 127 of a token      q = round(x / s) + 128, uint8      y = (q · W) s w + bias

W is int8 with one scale `w` a column, in 7 bits: processors with AVX2 but without VNNI add two products of uint8 and
int8 in 16 bits, and 2 · 255 · 64 still fits, 2 · 255 · 127 does not.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

WEIGHT_LIMIT: Final = 63
ACTIVATION_LIMIT: Final = 127
ZERO: Final = 128


def quantize_columns(
    weight: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Round a (in, out) matrix to 7 bits: int8 of the same shape, and a float32 scale for each of its columns."""
    scale = np.maximum(np.abs(weight).max(axis=0), 1e-8) / WEIGHT_LIMIT
    return np.round(weight / scale).astype(np.int8), scale.astype(np.float32)


def quantize_products(model: onnx.ModelProto) -> int:
    """Rewrite every product with a constant matrix in place.

    Returns:
        How many were rewritten; products of two activations (attention) are left in fp32.
    """
    rewrite = _Rewrite({tensor.name: tensor for tensor in model.graph.initializer})
    for node in model.graph.node:
        rewrite.node(node)
    del model.graph.node[:]
    model.graph.node.extend(rewrite.nodes)
    used = {name for node in rewrite.nodes for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend([*kept, *rewrite.added])
    onnx.checker.check_model(model)
    return rewrite.count


@dataclass
class _Rewrite:
    """The nodes of the graph as they will be, in order."""

    constants: dict[str, TensorProto]
    nodes: list[NodeProto] = field(default_factory=list)
    added: list[TensorProto] = field(default_factory=list)
    done: dict[str, tuple[str, str]] = field(default_factory=dict)
    count: int = 0

    def node(self, node: NodeProto) -> None:
        weight = self.constants.get(node.input[1]) if node.op_type == "MatMul" else None
        if weight is None or len(weight.dims) != 2:
            self.nodes.append(node)
            return
        if not self.count:
            self._constant("int8/limit", np.array(1 / ACTIVATION_LIMIT, dtype=np.float32))
            self._constant("int8/tiny", np.array(1e-9, dtype=np.float32))
            self._constant("int8/one", np.array(1, dtype=np.float32))
            self._constant("int8/zero", np.array(ZERO, dtype=np.uint8))
            self._constant("int8/last", np.array([-1], dtype=np.int64))
        self.count += 1
        quantized, token_scale = self._activation(node.input[0])
        name, output = f"int8/{self.count}", node.output[0]
        integers, columns = quantize_columns(numpy_helper.to_array(weight))
        self._constant(f"{name}/weight", integers)
        self._constant(f"{name}/columns", columns)
        self._add("MatMulInteger", [quantized, f"{name}/weight", "int8/zero"], f"{name}/sum")
        self._add("Cast", [f"{name}/sum"], f"{name}/float", to=TensorProto.FLOAT)
        self._add("Mul", [f"{name}/float", token_scale], f"{name}/rows")
        self._add("Mul", [f"{name}/rows", f"{name}/columns"], output)

    def _activation(self, name: str) -> tuple[str, str]:
        if name not in self.done:
            base = f"int8/of{name}"
            self._add("Abs", [name], f"{base}/abs")
            self._add("ReduceMax", [f"{base}/abs", "int8/last"], f"{base}/max", keepdims=1)
            self._add("Mul", [f"{base}/max", "int8/limit"], f"{base}/loud")
            self._add("Max", [f"{base}/loud", "int8/tiny"], f"{base}/scale")
            self._add("Div", [name, f"{base}/scale"], f"{base}/steps")
            self._add("QuantizeLinear", [f"{base}/steps", "int8/one", "int8/zero"], f"{base}/uint8")
            self.done[name] = (f"{base}/uint8", f"{base}/scale")
        return self.done[name]

    def _add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=f"{output}:{kind}", **attributes))

    def _constant(self, name: str, array: npt.NDArray[Any]) -> None:
        self.added.append(numpy_helper.from_array(array, name))
