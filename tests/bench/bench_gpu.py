"""Sentences a second on a GPU, tokenising included, and how busy it was. JSON; needs an NVIDIA GPU.

`python tests/bench/bench_gpu.py [--texts 100000] [--engine cuda]`. The texts are written sentences, again and again;
one thread more than the engine likes passes side by side takes 2,048 at a time, so that some are tokenised while
others are computed. How busy the GPU was is what `nvidia-smi` says, asked ten times a second. `--engine onnx`
and `--engine torch` run the same on the CPU.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice

from machine import machine

from model.classifier import Classifier
from model.written.rows import written_examples

_AT_ONCE = 2_048
_ASK = ["nvidia-smi", "--query-gpu=name,utilization.gpu,memory.used", "--format=csv,noheader,nounits", "-lms", "100"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--engine", choices=("cuda", "onnx", "torch"), default="cuda")
    given = parser.parse_args()
    classifier = Classifier.load(engine=given.engine)
    written = [one.text for one in written_examples(copies=8, seed=1)]
    texts = list(islice(cycle(written), given.texts))
    chunks = [texts[at : at + _AT_ONCE] for at in range(0, len(texts), _AT_ONCE)]
    classifier.predict(texts[:_AT_ONCE])  # the first pass loads kernels
    with _watched(given.engine) as seen, ThreadPoolExecutor(classifier.passes + 1) as pool:
        began = time.perf_counter()
        answered = sum(map(len, pool.map(classifier.predict, chunks)))
        took = time.perf_counter() - began
    busy = [int(line[1]) for line in seen]
    print(json.dumps({
        "machine": machine(),
        "gpu": seen[0][0] if seen else None,
        "engine": classifier.engine_name,
        "token_budget": classifier.token_budget,
        "texts": answered,
        "texts_per_s": round(answered / took),
        "gpu_busy_percent": round(sum(busy) / len(busy)) if busy else None,
        "gpu_memory_mib": max((int(line[2]) for line in seen), default=None),
    }, indent=1))  # fmt: skip


@contextmanager
def _watched(engine: str) -> Iterator[list[list[str]]]:
    """What nvidia-smi says meanwhile, line by line; nothing where the CPU is measured."""
    seen: list[list[str]] = []
    if engine != "cuda":
        yield seen
        return
    with subprocess.Popen(_ASK, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        lines = watch.stdout
        reading = threading.Thread(target=lambda: seen.extend(line.split(", ") for line in lines), daemon=True)
        reading.start()
        try:
            yield seen
        finally:
            watch.terminate()
            reading.join()


if __name__ == "__main__":
    main()
