"""Which engine `auto` takes, and what it says of why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_model import Built, copy_weights, vouch

from model import engine_choice
from model.classifier import TOKEN_BUDGET, Classifier
from model.engine_choice import GPU_PASSES, GPU_TOKENS, choose_engine
from model.errors import EngineError
from model.network import NETWORK

CORES = len(os.sched_getaffinity(0))


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """An NVIDIA driver is installed."""
    monkeypatch.setattr(engine_choice.ctypes, "CDLL", lambda _: object())


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found = engine_choice.importlib.util.find_spec
    monkeypatch.setattr(engine_choice.importlib.util, "find_spec", lambda one: None if one == name else found(one))


def test_without_a_driver_it_is_onnx_runtime_on_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> None:
        raise OSError

    monkeypatch.setattr(engine_choice.ctypes, "CDLL", absent)
    choice = choose_engine("auto")
    assert (choice.name, choice.why) == ("onnx", "there is no NVIDIA driver")
    assert (choice.passes, choice.threads, choice.token_budget) == (CORES, 1, TOKEN_BUDGET)
    with pytest.raises(EngineError, match="there is no NVIDIA driver"):
        choose_engine("cuda")


@pytest.mark.parametrize("name", ["torch", "onnx"])
@pytest.mark.usefixtures("driver")
def test_a_gpu_without_the_packages_is_told_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, name)
    choice = choose_engine("auto")
    assert choice.name == "onnx"
    assert f"no {name}: pip install 'yuqing[gpu]'" in choice.why


@pytest.mark.usefixtures("driver")
def test_a_driver_that_torch_does_not_match_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_engine("auto").name == "onnx"
    with pytest.raises(EngineError, match="sees no GPU: compare its CUDA version"):
        choose_engine("cuda")


@pytest.mark.usefixtures("driver")
def test_a_gpu_is_taken_and_the_cpu_stands_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    found, asked = choose_engine("auto", cores=8), choose_engine("cuda", cores=8)
    assert (found.name, found.device, found.why) == ("cuda", "cuda", "a GPU is there")
    assert (found.passes, found.token_budget) == (GPU_PASSES, GPU_TOKENS)
    assert found.passes * found.threads == 8, "should the GPU be lost, its passes share the processor"
    assert (found.optional, asked.optional) == (True, False)


@pytest.mark.usefixtures("driver")
def test_who_asks_for_the_cpu_gets_it_gpu_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_engine("onnx").name == "onnx"
    assert choose_engine("torch").device == "cpu"


def test_choosing_imports_no_torch_where_there_is_no_driver() -> None:
    code = (
        "import sys; from model import engine_choice as e\n"
        "def absent(_): raise OSError\n"
        "e.ctypes.CDLL = absent; e.choose_engine('auto'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def test_the_torch_engine_takes_a_checkpoint_where_there_is_one(built: Built, tmp_path: Path) -> None:
    assert (built.english / NETWORK).is_file()
    assert Classifier.load(built.folder, engine="torch", threads=1).engine_name == "torch-fp32-cpu"
    copy_weights(built, tmp_path)
    vouch(built, tmp_path)
    shipped = Classifier.load(tmp_path, engine="torch", threads=1)
    assert shipped.engine_name == "torch-int8-cpu"
    assert shipped.passes == 1


def test_without_onnx_the_int8_file_cannot_be_read_by_torch(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_weights(built, tmp_path)
    vouch(built, tmp_path)
    monkeypatch.delitem(sys.modules, "model.int8_engine", raising=False)
    monkeypatch.delitem(sys.modules, "model.int8_weights", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(EngineError, match=r"without onnx: pip install 'yuqing\[gpu\]'"):
        Classifier.load(tmp_path, engine="torch")
