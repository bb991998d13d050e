"""The GPU is lost in the middle of a stream: nobody waits, nothing is lost, the labels stay, and it is told once.

The device is torch's CPU; a switch in front of its networks makes them fail as torch fails when a GPU is gone.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from model.artefact import COMMITTED, ONNX_INT8, read_manifest
from model.classifier import Classifier
from model.engine_choice import EngineChoice, load_engine
from model.engine_events import EngineEvent
from model.engines import OnnxEngine
from model.errors import ArtefactError, DeviceLostError, DeviceMemoryError, EngineError
from model.fallback import DeviceWatch, FallbackEngine
from model.int8_engine import Int8TorchEngine, Run
from model.reader import Reader

ON_CPU = EngineChoice("cuda", "for a test", passes=1, threads=1, token_budget=512, device="cpu")
TEXTS = [
    "Harbour Bank cuts its dividend after a second loss",
    "港口银行净利润大增，股价创新高",
    "Regulator fines Northgate over accounts",
    "公司涉嫌财务造假，被监管机构立案调查",
    "Northgate will publish its outlook on Monday",
]
LOSSES = [
    torch.AcceleratorError("CUDA error: device-side assert triggered"),
    RuntimeError("CUDA error: unspecified launch failure\nCompile with `TORCH_USE_CUDA_DSA`"),
    RuntimeError("CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasLtMatmul`"),
    RuntimeError("Found no NVIDIA driver on your system."),
]


@pytest.fixture(scope="module")
def plain() -> Classifier:
    """What the CPU says, in the same packs."""
    return Classifier.load(engine="onnx", threads=1)


class Switch:
    """Networks that work until `error` is set."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0

    def before(self, network: Run) -> Run:
        def run(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            self.asked += 1
            if self.error is not None:
                raise self.error
            return network(ids, mask)

        return run


def classifier_behind(switch: Switch, events: list[EngineEvent]) -> Classifier:
    """The shipped model on a device that the switch can take away."""
    manifest, watch = read_manifest(COMMITTED), DeviceWatch(events.append)
    readers = {}
    for name, part in manifest.encoders.items():
        file = COMMITTED / name / ONNX_INT8
        there = Int8TorchEngine.load(file)
        there._network = switch.before(there._network)
        engine = FallbackEngine(there, OnnxEngine(file, threads=1), watch)
        readers[name] = Reader.load(COMMITTED / name, part, engine)
    return Classifier(manifest, readers)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: str(loss)[:22])
def test_a_lost_gpu_costs_no_answer_and_is_told_once(loss: Exception, plain: Classifier) -> None:
    switch, events = Switch(), list[EngineEvent]()
    classifier = classifier_behind(switch, events)
    before = classifier.predict(TEXTS)
    assert classifier.engine_name == "torch-int8-cpu"

    switch.error = loss
    expected, asked = plain.predict(TEXTS), switch.asked
    assert classifier.predict(TEXTS) == expected
    assert classifier.predict(TEXTS) == expected
    assert switch.asked == asked + 1, "neither encoder asks again for a device that is gone"
    assert [one.label for one in expected] == [one.label for one in before]
    assert classifier.engine_name == "onnxruntime-int8-cpu"

    (event,) = events
    assert (event.kind, event.engine) == ("device_lost", "torch-int8-cpu")
    assert str(loss).splitlines()[0] in event.detail


def test_a_device_that_holds_not_even_one_text_is_given_up(plain: Classifier) -> None:
    switch, events = Switch(), list[EngineEvent]()
    classifier = classifier_behind(switch, events)
    switch.error = torch.OutOfMemoryError("CUDA out of memory.")
    assert classifier.predict(TEXTS) == plain.predict(TEXTS)
    assert [event.kind for event in events] == ["device_lost"]


def test_embeddings_come_from_the_cpu_too(plain: Classifier) -> None:
    switch = Switch()
    classifier = classifier_behind(switch, [])
    switch.error = LOSSES[0]
    assert (classifier.embed(TEXTS) == plain.embed(TEXTS)).all()


def test_a_defect_of_the_program_is_not_taken_for_a_lost_device() -> None:
    switch, events = Switch(), list[EngineEvent]()
    classifier = classifier_behind(switch, events)
    switch.error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        classifier.predict(TEXTS)
    assert not events


def test_what_the_cpu_cannot_answer_is_an_error_after_all() -> None:
    class Failing(OnnxEngine):
        def logits(self, ids: object, mask: object) -> object:  # type: ignore[override]
            raise DeviceMemoryError("the machine is full")

    file = COMMITTED / "en" / ONNX_INT8
    watch = DeviceWatch(lambda _: None)
    engine = FallbackEngine(Int8TorchEngine.load(file), Failing(file, threads=1), watch)
    watch.lose("a gpu", "unplugged")
    with pytest.raises(DeviceMemoryError, match="the machine is full"):
        engine.logits(*(torch.ones(1, 3, dtype=torch.int64).numpy(),) * 2)


def test_the_loaded_stack_is_the_same_on_any_device() -> None:
    watch = DeviceWatch()
    engine = load_engine(COMMITTED / "en", ON_CPU, watch)
    assert isinstance(engine, FallbackEngine)
    assert engine.name == "torch-int8-cpu"
    watch.lose("a gpu", "unplugged")
    assert engine.name == "onnxruntime-int8-cpu"
    assert isinstance(load_engine(COMMITTED / "en", ON_CPU, watch), OnnxEngine), "no use in trying what is gone"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_fails_at_the_start_is_an_error_only_where_it_was_asked_for() -> None:
    events: list[EngineEvent] = []
    found = EngineChoice("cuda", "a GPU is there", 2, 1, 512, "cuda", optional=True)
    assert isinstance(load_engine(COMMITTED / "en", found, DeviceWatch(events.append)), OnnxEngine)
    assert [event.kind for event in events] == ["device_lost"]
    asked = EngineChoice("cuda", "asked for", 2, 1, 512, "cuda")
    with pytest.raises((DeviceLostError, EngineError)):
        load_engine(COMMITTED / "en", asked, DeviceWatch(events.append))


def test_weights_that_only_onnx_runtime_can_run_are_run_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise ArtefactError("not the int8 export of a BERT encoder")

    shutil.copytree(COMMITTED / "en", tmp_path / "en")
    monkeypatch.setattr("model.int8_engine.read_int8", refuse)
    events: list[EngineEvent] = []
    found = EngineChoice("cuda", "a GPU is there", 2, 1, 512, "cpu", optional=True)
    assert isinstance(load_engine(tmp_path / "en", found, DeviceWatch(events.append)), OnnxEngine)
    assert "not the int8 export" in events[0].detail


def test_where_nobody_listens_events_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        DeviceWatch().lose("torch-int8-cuda", "unplugged")
    assert "torch-int8-cuda: device lost: unplugged" in caplog.text
