"""The whole product under a backlog, beside its bare engine and beside the straight way: JSON on stdout.

`python tests/bench/bench_pipeline.py [--short] [--rounds 3]`. On the same texts and services, turn by turn:

ours              raw records to committed rows, all roles as processes, Kafka, PostgreSQL and Redis on the same cores
engine            `Classifier.predict` of the same texts, nothing else at work: what the machine gives at most
straight_own      consumer loop, `transformers` pipeline in fp32 at batch 32, SQLAlchemy, with our own English network
straight_110m     the same with an encoder of BERT-base's size

Ratios are of rates of one round, and the median over the rounds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from backlog_run import BacklogRun, work_off
from bench_frame import Frame, alone
from figures import by_turns, ratio, significant
from product import installed
from texts import sample, text_of

from model.classifier import Classifier
from stream.documents import RawDocument

__all__ = ["measure"]

_SHARE_110M = 30
"""The 110M encoder takes so many times as long for a text, so it is given so many fewer."""
_FIRST_BATCHES = 2
"""Of the straight way: a first pass makes buffers, and a rate is of the records after it."""


@dataclass(frozen=True)
class _Sizes:
    documents: int
    rounds: int


_FULL, _SHORT = _Sizes(12_000, 3), _Sizes(1_500, 1)


def measure(frame: Frame) -> dict[str, Any]:
    """`pipeline_vs_…`, `token_efficiency` and `peak_rss_mb`, with what they are made of."""
    sizes = _SHORT if frame.short else _FULL
    found = sample(frame.documents or sizes.documents)
    texts = [text_of(document) for document in found.documents]
    classifier = Classifier.load()
    runs: list[BacklogRun] = []

    def ours() -> float:
        runs.append(work_off(frame.stack, frame.folder, found.documents, len(found.documents)))
        return runs[-1].docs_per_s

    rates = by_turns(
        {
            "ours": ours,
            "engine": lambda: _engine(classifier, texts),
            "straight_own": lambda: _straight(frame, "own", found.documents[: max(len(texts) // 6, 256)]),
            "straight_110m": lambda: _straight(frame, "110m", found.documents[: max(len(texts) // _SHARE_110M, 128)]),
        },
        frame.rounds or sizes.rounds,
    )
    return _figures(found.origin, rates, runs)


def _figures(origin: str, rates: dict[str, list[float]], runs: Sequence[BacklogRun]) -> dict[str, Any]:
    largest = max((run.peak_mb() for run in runs), key=lambda peak: peak["own"])
    return {
        "token_efficiency": min(run.told["token_efficiency"] for run in runs),
        "pipeline_vs_engine": ratio(rates["ours"], rates["engine"]),
        "pipeline_vs_straight_110m": ratio(rates["ours"], rates["straight_110m"]),
        "pipeline_vs_straight_own": ratio(rates["ours"], rates["straight_own"]),
        "peak_rss_mb": largest["own"],
        "peak_rss_mb_with_services": largest["with_services"],
        "peak_rss_mb_by_process": largest["processes"],
        "pipeline": {
            "texts": origin,
            "docs_per_s": {name: [significant(rate) for rate in found] for name, found in rates.items()},
            "runs": [run.told for run in runs],
        },
    }


def _engine(classifier: Classifier, texts: Sequence[str]) -> float:
    began = time.perf_counter()
    classifier.predict(texts)
    return len(texts) / (time.perf_counter() - began)


def _straight(frame: Frame, model: str, documents: Sequence[RawDocument]) -> float:
    """The rate of the straight way, from its second batch on. Raises RuntimeError where it did not store all."""
    with installed(frame.stack, frame.folder) as product:
        product.publish(documents)
        settings = {
            "kafka": product.settings.kafka.bootstrap,
            "topic": product.topics.raw,
            "group": f"straight-{uuid4().hex[:8]}",
            "database": product.database_url.replace("postgresql://", "postgresql+psycopg://"),
            "documents": len(documents),
        }
        seen = _told_by(model, settings)
        with psycopg.connect(product.database_url) as session:
            stored = session.execute("SELECT count(*) FROM straight_rows").fetchone()
    if stored != (len(documents),):
        raise RuntimeError(f"the straight way stored {stored} of {len(documents)} documents")
    return _rate_after(seen, _FIRST_BATCHES)


def _rate_after(seen: Sequence[dict[str, float]], batches: int) -> float:
    """Documents a second from the end of so many batches to the end of the last."""
    first, last = seen[min(batches, len(seen) - 1) - 1], seen[-1]
    return (last["done"] - first["done"]) / (last["at"] - first["at"])


def _told_by(model: str, settings: dict[str, Any]) -> list[dict[str, float]]:
    script = Path(__file__).with_name("straight_way.py")
    worker = subprocess.Popen(
        [sys.executable, str(script), model, json.dumps(settings)],
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
        env={**os.environ, "TOKENIZERS_PARALLELISM": "true"},
    )
    try:
        assert worker.stdout is not None
        seen = [json.loads(line) for line in worker.stdout]
    finally:
        if worker.poll() is None:
            worker.terminate()
        code = worker.wait()
    if code:
        raise RuntimeError(f"the straight way with the {model} model ended with {code}")
    return seen


if __name__ == "__main__":
    alone(measure, __doc__)
