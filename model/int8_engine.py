"""torch running the int8 file: on a GPU for service, on the CPU as the reference that a GPU is held against.

Threads that run passes side by side have a stream each on a GPU: while one pass computes, the host pads and copies the
next one, and the copies, from and to pinned memory, wait for no other pass.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from model.engines import FloatArray, IntArray
from model.errors import DeviceLostError, DeviceMemoryError
from model.int8_network import Int8Network
from model.int8_weights import read_int8

Run = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
# torch tells of a device that failed by its own error type since 2.8, but its libraries still by text alone.
_LOST: Final = ("CUDA error", "CUDA driver", "CUBLAS_STATUS", "CUDNN_STATUS", "NVML", "NVIDIA driver")
_FULL: Final = ("CUBLAS_STATUS_ALLOC_FAILED", "CUDA error: out of memory")


class Int8TorchEngine:
    """One network on one device.

    Args:
        network: `Int8Network`, or what answers like it, on the device.
        device: what torch calls it: 'cpu', 'cuda', 'cuda:1'.
        width: of an embedding.
    """

    def __init__(self, network: Run, *, device: str, width: int) -> None:
        self._network = network
        self._device = torch.device(device)
        self._cuda = self._device.type == "cuda"
        self._own = threading.local()
        self.name = f"torch-int8-{self._device.type}"
        self.embedding_width: int | None = width

    @classmethod
    def load(cls, path: Path, *, device: str = "cpu", threads: int = 0) -> "Int8TorchEngine":
        """Put the weights of an int8 file on a device.

        Args:
            path: the `.int8.onnx` file.
            device: see the class.
            threads: torch's threads on the CPU; 0 leaves torch's own choice.

        Raises:
            ArtefactError: the file is not the export of a BERT encoder.
            DeviceMemoryError: the weights do not fit.
            DeviceLostError: the device does not answer.
        """
        if threads:
            torch.set_num_threads(threads)
        network = Int8Network(read_int8(path)).eval()
        with _told(device):
            network = network.to(device)
        return cls(network, device=device, width=network.width)

    def logits(self, ids: IntArray, mask: IntArray) -> tuple[FloatArray, FloatArray]:
        """See `Engine.logits`.

        Raises:
            DeviceMemoryError: the batch does not fit; a smaller one may.
            DeviceLostError: the device answers no more, in this process.
        """
        sentiment, topics, _ = self._run(ids, mask)
        return sentiment, topics

    def embeddings(self, ids: IntArray, mask: IntArray) -> FloatArray:
        """See `Engine.embeddings` and, for what it raises, `logits`."""
        return self._run(ids, mask)[2]

    def _run(self, ids: IntArray, mask: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        with _told(str(self._device)), torch.inference_mode():
            if self._cuda:
                return self._on_stream(ids, mask)
            sentiment, topics, pooled = self._network(torch.from_numpy(ids), torch.from_numpy(mask))
            return sentiment.numpy(), topics.numpy(), pooled.numpy()

    def _on_stream(self, ids: IntArray, mask: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        stream = getattr(self._own, "stream", None)
        if stream is None:
            stream = self._own.stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(stream):
            there = (torch.from_numpy(one).pin_memory().to(self._device, non_blocking=True) for one in (ids, mask))
            found = [one.to("cpu", non_blocking=True) for one in self._network(*there)]  # pinned, says torch
            stream.synchronize()
        sentiment, topics, pooled = (np.asarray(one.numpy()) for one in found)
        return sentiment, topics, pooled


@contextmanager
def _told(device: str) -> Iterator[None]:
    """Turns torch's ways of saying that a device is full or gone into this room's errors."""
    try:
        yield
    except RuntimeError as error:
        told = str(error)
        if isinstance(error, torch.OutOfMemoryError) or any(sign in told for sign in _FULL):
            raise DeviceMemoryError(f"{device} is full: {_first_line(told)}") from error
        if isinstance(error, torch.AcceleratorError) or any(sign in told for sign in _LOST):
            raise DeviceLostError(f"{device} does not answer: {_first_line(told)}") from error
        raise


def _first_line(told: str) -> str:
    return told.partition("\n")[0]
