"""Which engine runs here, why, and how it is put together.

| engine | what runs | where |
|---|---|---|
| onnx | the int8 file in ONNX Runtime | CPU |
| cuda | the same integers in torch, with `onnx` behind it | NVIDIA GPU |
| torch | the fp32 checkpoint of training where the folder has one, else the int8 file, in torch: the reference | CPU |
"""

import ctypes
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from model.artefact import CHECKPOINT, ONNX_INT8
from model.engines import Engine, OnnxEngine, TorchEngine
from model.errors import EngineError, ModelError
from model.fallback import DeviceWatch, FallbackEngine
from model.memory_limit import MemoryLimited

EngineName = Literal["auto", "onnx", "torch", "cuda"]
CPU_TOKENS: Final = 512
"""So many tokens, activations and all, fit a core's caches; four times as many are 10 % slower, eight times 30 %."""
GPU_TOKENS: Final = 16_384
"""Enough for a pass's 340 kernels to outlast their launches on an H100 (decision 0013)."""
GPU_PASSES: Final = 2  # one computes while the next is padded, copied and read back
INSTALL: Final = "pip install 'yuqing[gpu]'"
_DRIVER: Final = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """One engine.

    `passes` is how many forward passes are best run side by side, `threads` how many each of them has on the CPU, 0 for
    the library's own choice, `token_budget` how many tokens, padding included, are best in one, `device` is torch's
    name of the place. `optional` lets the CPU stand in when the device fails at the start already.
    """

    name: Literal["onnx", "torch", "cuda"]
    why: str
    passes: int
    threads: int
    token_budget: int
    device: str = "cpu"
    optional: bool = False


def choose_engine(asked: EngineName, *, cores: int = 0) -> EngineChoice:
    """Choose an engine for this machine.

    Args:
        asked: 'auto' takes the GPU where one can be used, else ONNX Runtime.
        cores: of the processor to use; 0 for all.

    Raises:
        EngineError: 'cuda' was asked for and cannot run here; the message says why.
    """
    every = cores or usable_cores()
    if asked == "torch":
        return EngineChoice("torch", "asked for", passes=1, threads=cores, token_budget=CPU_TOKENS)
    hindrance = None if asked == "onnx" else cuda_hindrance()
    if asked == "cuda" and hindrance is not None:
        raise EngineError(f"the cuda engine cannot run here: {hindrance}")
    if asked == "onnx" or hindrance is not None:
        return EngineChoice("onnx", hindrance or "asked for", passes=every, threads=1, token_budget=CPU_TOKENS)
    behind = max(every // GPU_PASSES, 1)
    if asked == "cuda":
        return EngineChoice("cuda", "asked for", GPU_PASSES, behind, GPU_TOKENS, "cuda")
    return EngineChoice("cuda", "a GPU is there", GPU_PASSES, behind, GPU_TOKENS, "cuda", optional=True)


def usable_cores() -> int:
    """How many cores this process may use: a container may have fewer than the machine; macOS tells the latter."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cuda_hindrance() -> str | None:
    """What keeps the cuda engine from running here; None where nothing does. torch is not imported without a driver."""
    try:
        ctypes.CDLL(_DRIVER)
    except OSError:
        return "there is no NVIDIA driver"
    missing = [name for name in ("torch", "onnx") if importlib.util.find_spec(name) is None]
    if missing:
        return f"there is an NVIDIA driver, but no {' and no '.join(missing)}: {INSTALL}"
    import torch

    if not torch.cuda.is_available():
        return f"torch {torch.__version__} sees no GPU: compare its CUDA version with what nvidia-smi says"
    return None


def load_engine(folder: Path, choice: EngineChoice, watch: DeviceWatch) -> Engine:
    """Load the weights of one encoder's folder into the engine that was chosen.

    Args:
        folder: of one encoder.
        choice: what `choose_engine` said.
        watch: of the device, the same one for all encoders.

    Raises:
        ArtefactError: a file is absent, unreadable, or of a kind that this engine cannot run.
        EngineError: the engine's library is not installed, or its device fails.
    """
    file = folder / ONNX_INT8
    if choice.name == "onnx":
        return OnnxEngine(file, threads=choice.threads)
    if choice.name == "torch":
        if (folder / CHECKPOINT).is_file():
            return TorchEngine(folder, threads=choice.threads)
        return _int8_in_torch(file, choice.device, choice.threads)
    spare = OnnxEngine(file, threads=choice.threads)
    if watch.lost:
        return spare
    try:
        first = MemoryLimited(_int8_in_torch(file, choice.device, 0), on_event=watch.on_event)
    except ModelError as error:
        if not choice.optional:
            raise
        watch.lose(f"torch-int8-{choice.device}", str(error))
        return spare
    return FallbackEngine(first, spare, watch)


def _int8_in_torch(file: Path, device: str, threads: int) -> Engine:
    try:
        from model.int8_engine import Int8TorchEngine
    except ImportError as error:
        raise EngineError(f"the int8 file cannot run in torch without {error.name}: {INSTALL}") from error
    return Int8TorchEngine.load(file, device=device, threads=threads)
