"""Ways to run the network: a small protocol, ONNX Runtime for service on a CPU, torch's checkpoints for comparison.

Which engine runs, and what a GPU adds, is in `model/engine_choice.py`.

Logits and embeddings are asked for apart, and ONNX Runtime hands over what is asked for alone.

Neither torch nor transformers is imported before a `TorchEngine` is asked for.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from model.errors import ArtefactError, EngineError

LOGITS: Final = ("sentiment", "topics")  # what the outputs of an ONNX model are called
EMBEDDING: Final = "embedding"  # the first models exported have no such output

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]


class Engine(Protocol):
    """Turns token ids into logits or embeddings; holds no text and no labels."""

    @property
    def name(self) -> str:
        """What ran, where and how exactly: 'onnxruntime-int8-cpu', 'torch-int8-cuda'."""
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

    @property
    def embedding_width(self) -> int | None:
        """How many numbers an embedding has; None where the model gives none."""
        ...

    def embeddings(self, ids: IntArray, mask: IntArray) -> FloatArray:
        """Run one batch for what the heads are given: the hidden states averaged over each document's tokens.

        Args:
            ids: as for `logits`.
            mask: as for `logits`.

        Returns:
            (documents, embedding_width) float32, of any length. Not to be asked of a model that gives none.
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
        outputs = self._session.get_outputs()
        self.embedding_width: int | None = next((one.shape[1] for one in outputs if one.name == EMBEDDING), None)

    def logits(self, ids: IntArray, mask: IntArray) -> tuple[FloatArray, FloatArray]:
        """See `Engine.logits`."""
        sentiment, topics = self._run(LOGITS, ids, mask)
        return sentiment, topics

    def embeddings(self, ids: IntArray, mask: IntArray) -> FloatArray:
        """See `Engine.embeddings`."""
        (found,) = self._run((EMBEDDING,), ids, mask)
        return found

    def _run(self, names: Sequence[str], ids: IntArray, mask: IntArray) -> Sequence[FloatArray]:
        found: Sequence[FloatArray] = self._session.run(names, {"input_ids": ids, "attention_mask": mask})
        return found


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
        self.embedding_width: int | None = self._network.encoder.config.hidden_size

    def logits(self, ids: IntArray, mask: IntArray) -> tuple[FloatArray, FloatArray]:
        """See `Engine.logits`."""
        sentiment, topics, _ = self._run(ids, mask)
        return sentiment, topics

    def embeddings(self, ids: IntArray, mask: IntArray) -> FloatArray:
        """See `Engine.embeddings`."""
        return self._run(ids, mask)[2]

    def _run(self, ids: IntArray, mask: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        with self._torch.inference_mode():
            sentiment, topics, pooled = self._network(self._torch.from_numpy(ids), self._torch.from_numpy(mask))
        return sentiment.numpy(), topics.numpy(), pooled.numpy()
