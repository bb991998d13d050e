"""Ways to run the network: a small protocol, ONNX Runtime for service, torch as the reference.

Neither torch nor transformers is imported before a `TorchEngine` is asked for.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from model.errors import ArtefactError, EngineError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]


class Engine(Protocol):
    """Turns token ids into logits; holds no text and no labels."""

    @property
    def name(self) -> str:
        """What ran, where and how exactly: 'onnxruntime-int8-cpu', 'torch-fp32-cpu'."""
        ...

    def logits(self, ids: IntArray, mask: IntArray) -> tuple[FloatArray, FloatArray]:
        """Run one batch.

        Args:
            ids: (documents, tokens) int64, padded to one length.
            mask: the same shape, 1 where a token is, 0 where padding is.

        Returns:
            (documents, 3) sentiment logits and (documents, topics) topic logits, float32.
        """
        ...


class OnnxEngine:
    """ONNX Runtime on the CPU.

    Args:
        path: the `.onnx` file.
        threads: threads inside one operator; 0 lets ONNX Runtime take every core.

    Raises:
        ArtefactError: the file is not a model that ONNX Runtime can read.
    """

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        import onnxruntime as ort  # type: ignore[import-untyped]

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # the default warns about every graph optimisation it skips
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own exception types are private
            raise ArtefactError(f"{path} is not a readable ONNX model: {error}. Train or check out again.") from error
        self.name = f"onnxruntime-{'int8' if '.int8.' in path.name else 'fp32'}-cpu"

    def logits(self, ids: IntArray, mask: IntArray) -> tuple[FloatArray, FloatArray]:
        """See `Engine.logits`."""
        outputs: Sequence[FloatArray] = self._session.run(
            ["sentiment", "topics"], {"input_ids": ids, "attention_mask": mask}
        )
        return outputs[0], outputs[1]


class TorchEngine:
    """torch in fp32 on the CPU, from a checkpoint of training: the reference that other engines are held against.

    Args:
        folder: a folder with `network.pt`, as `model/training.py` leaves it.
        threads: torch's threads; 0 leaves torch's own choice.

    Raises:
        EngineError: torch is not installed.
        ArtefactError: there is no readable checkpoint in the folder.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        try:
            import torch

            from model.network import load_network
        except ImportError as error:
            raise EngineError(f"the torch engine needs {error.name}: pip install 'yuqing[train]'") from error
        if threads:
            torch.set_num_threads(threads)
        self._torch = torch
        self._network = load_network(folder).eval()
        self.name = "torch-fp32-cpu"

    def logits(self, ids: IntArray, mask: IntArray) -> tuple[FloatArray, FloatArray]:
        """See `Engine.logits`."""
        with self._torch.inference_mode():
            sentiment, topics, _ = self._network(self._torch.from_numpy(ids), self._torch.from_numpy(mask))
        return sentiment.numpy(), topics.numpy()
