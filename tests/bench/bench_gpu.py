"""Sentences a second on a GPU, tokenising included, how busy it was, and what one pass costs there. JSON.

`python tests/bench/bench_gpu.py [--seconds 10] [--processes 1 4 8] [--passes]`; needs an NVIDIA GPU. Texts are written
sentences, or the lines of a file (`--texts FILE`). Each process tokenises, scores and judges texts of its own, 2,048 at
a time, in one thread more than the engine likes passes side by side: a scorer's work without Kafka. All start together.
How busy the GPU was is what `nvidia-smi` says, asked ten times a second.

`--passes` times single passes of the English network at several shapes by the device's own clock: as torch runs it, as
one CUDA graph, and compiled. `--engine onnx` and `--engine torch` run the first part on the CPU.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Any

from machine import machine

from model.artefact import COMMITTED, ONNX_INT8
from model.classifier import Classifier
from model.written.rows import written_examples

_AT_ONCE = 2_048
_CHUNKS = 16  # different ones in turn: nothing is remembered between them
_ASK = ["nvidia-smi", "--query-gpu=name,utilization.gpu,memory.used", "--format=csv,noheader,nounits", "-lms", "100"]
_SHAPES = ((64, 32), (256, 32), (512, 32), (128, 128), (2_048, 32))
"""(documents, tokens) of the passes that are timed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--processes", type=int, nargs="+", default=[1])
    parser.add_argument("--engine", choices=("cuda", "onnx", "torch"), default="cuda")
    parser.add_argument("--token-budget", type=int, help="of a pass; left out: what the engine likes")
    parser.add_argument("--texts", type=Path, help="a file of them, one a line")
    parser.add_argument("--passes", action="store_true", help="time single passes too")
    given = parser.parse_args()
    found: dict[str, Any] = {"machine": machine(), "engine": given.engine, "rates": []}
    for processes in given.processes:
        found["rates"].append(_rate(processes, given))
        print(json.dumps(found["rates"][-1]), flush=True)
    if given.passes:
        found["passes_ms"] = _passes()
    print(json.dumps(found, indent=1))


def _texts(file: Path | None) -> list[str]:
    texts = file.read_text("utf-8").splitlines() if file else [one.text for one in written_examples(copies=8, seed=1)]
    return list(islice(cycle(texts), _AT_ONCE * _CHUNKS))


def _rate(processes: int, given: argparse.Namespace) -> dict[str, Any]:
    """All processes together; how busy the GPU was while all of them ran."""
    os.environ["RAYON_NUM_THREADS"] = str(max((os.cpu_count() or 1) // processes, 1))  # of each one's tokenizer
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(processes + 1), context.SimpleQueue()
    workers = [context.Process(target=_scorer, args=(ready, results, given)) for _ in range(processes)]
    for one in workers:
        one.start()
    ready.wait()
    with _watched(given.engine) as seen:
        answers = [results.get() for _ in workers]
    for one in workers:
        one.join()
    busy = [int(line[1]) for line in seen[5:-5]]  # without the beginning and the end, where some processes idle
    return {
        "processes": processes,
        "gpu": seen[0][0] if seen else None,
        "texts_per_s": round(sum(texts / took for texts, took, _ in answers)),
        "tokens_per_s": round(sum(tokens / took for _, took, tokens in answers)),
        "gpu_busy_percent": round(sum(busy) / len(busy)) if busy else None,
        "gpu_memory_mib": max((int(line[2]) for line in seen), default=None),
    }


def _scorer(ready: Barrier, results: Any, given: argparse.Namespace) -> None:
    """Puts (texts, seconds, tokens) into `results`."""
    classifier = Classifier.load(engine=given.engine, threads=0 if given.engine != "cuda" else 1)
    texts = _texts(given.texts)
    chunks = [texts[at : at + _AT_ONCE] for at in range(0, len(texts), _AT_ONCE)]
    lengths = [sum(map(len, classifier.encode(chunk))) for chunk in chunks]
    for chunk in chunks[:2]:
        classifier.predict(chunk, token_budget=given.token_budget)  # the first passes load kernels
    ready.wait()
    began = time.perf_counter()
    turns, lock = cycle(range(_CHUNKS)), threading.Lock()

    def work(_: int) -> tuple[int, int]:
        read = tokens = 0
        while time.perf_counter() - began < given.seconds:
            with lock:
                turn = next(turns)
            read += len(classifier.predict(chunks[turn], token_budget=given.token_budget))
            tokens += lengths[turn]
        return read, tokens

    threads = classifier.passes + 1
    with ThreadPoolExecutor(threads) as pool:
        done = list(pool.map(work, range(threads)))
    took = time.perf_counter() - began
    results.put((sum(read for read, _ in done), took, sum(tokens for _, tokens in done)))


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


def _passes() -> list[dict[str, Any]]:
    """Milliseconds of one pass at each shape; None where that way failed, with what it said."""
    import torch

    from model.int8_network import Int8Network
    from model.int8_weights import read_int8

    network = Int8Network(read_int8(COMMITTED / "en" / ONNX_INT8)).eval().cuda()
    compiled = torch.compile(network, dynamic=True)
    found = []
    with torch.inference_mode():
        for rows, tokens in _SHAPES:
            ids, mask = torch.randint(5, 20_000, (rows, tokens), device="cuda"), torch.ones(rows, tokens, device="cuda")
            ways = {"eager": lambda ids=ids, mask=mask: network(ids, mask), "graph": _graph(network, ids, mask),
                    "compiled": lambda ids=ids, mask=mask: compiled(ids, mask)}  # fmt: skip
            found.append({"documents": rows, "tokens": tokens} | {name: _timed(run) for name, run in ways.items()})
            print(json.dumps(found[-1]), flush=True)
    return found


def _graph(network: Callable[..., Any], ids: Any, mask: Any) -> Callable[[], Any]:
    import torch

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            network(ids, mask)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        network(ids, mask)
    return graph.replay


def _timed(run: Callable[[], Any]) -> float | str:
    """The median of thirty runs, each from its first launch to its last kernel."""
    import torch

    try:
        for _ in range(3):
            run()
        torch.cuda.synchronize()
        times = []
        for _ in range(30):
            began = time.perf_counter()
            run()
            torch.cuda.synchronize()
            times.append((time.perf_counter() - began) * 1e3)
        return round(median(times), 3)
    except Exception as error:  # a way that cannot run here is a result too
        return f"{type(error).__name__}: {error}"[:200]


if __name__ == "__main__":
    main()
