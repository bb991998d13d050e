"""A GPU that was lost, or is full, is a metric that an alarm can be set on."""

from __future__ import annotations

from prometheus_client import REGISTRY

from deploy.engine_watch import count_event
from model.engine_events import EngineEvent
from model.fallback import DeviceWatch


def _count(kind: str) -> float:
    return REGISTRY.get_sample_value("yuqing_engine_events_total", {"kind": kind}) or 0.0


def test_a_lost_gpu_counts_once_however_many_engines_notice() -> None:
    before, watch = _count("device_lost"), DeviceWatch(count_event)
    watch.lose("torch-int8-cuda", "CUDA error: unplugged")
    watch.lose("torch-int8-cuda", "CUDA error: unplugged")
    assert _count("device_lost") == before + 1


def test_each_cut_batch_counts() -> None:
    before = _count("out_of_memory")
    for _ in range(2):
        count_event(EngineEvent("out_of_memory", "torch-int8-cuda", "cuda is full; now 512 tokens a pass"))
    assert _count("out_of_memory") == before + 2
