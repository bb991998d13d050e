"""What the benches ran on, as a report has to say."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

__all__ = ["machine"]

_PACKAGES = (
    "yuqing",
    "onnxruntime",
    "tokenizers",
    "torch",
    "transformers",
    "confluent-kafka",
    "faust-streaming",
    "sqlalchemy",
    "psycopg",
    "numpy",
)
_TELLING = ("avx2", "avx512_vnni", "avx_vnni", "amx_int8")
"""Processor features that decide how quick int8 products are."""


def machine(services: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Processor, cores that this process may use, memory, versions, and the load average of the last minute.

    Args:
        services: versions of the embedded services, where they run.
    """
    model, features = _processor()
    return {
        "cpu": model,
        "cpu_features": [name for name in _TELLING if name in features],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name))} | dict(services or {}),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _processor() -> tuple[str, frozenset[str]]:
    """The model's name and its features; elsewhere than on Linux what Python knows of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine(), frozenset()
    told = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return told.get("model name", platform.machine()), frozenset(told.get("flags", "").split())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
