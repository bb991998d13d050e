"""How many documents a second the windows stage and the scorer carry, and how long a lone one takes. JSON on stdout.

Run it from the root: `python tests/bench/bench_pipeline.py [--documents 20000] [--model real|keywords]`. It starts the
embedded stack, or uses the one that runs in `--state`. Absolute rates depend on the machine and on what else runs
there: compare the ratios, which are measured side by side.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import redis
import structlog

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from eventually import eventually  # noqa: E402
from keyword_classifier import KeywordClassifier  # noqa: E402
from pipeline import Pipeline, stories  # noqa: E402
from prometheus_client import REGISTRY  # noqa: E402

from deploy.embedded import EmbeddedStack  # noqa: E402
from model.classifier import Classifier  # noqa: E402
from storage.connection import connect  # noqa: E402
from storage.schema import migrate  # noqa: E402
from stream.documents import RawDocument  # noqa: E402
from stream.topics import Topics, ensure_topics  # noqa: E402

LONE = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000, help="how many different documents")
    parser.add_argument("--model", choices=["real", "keywords"], default="real")
    parser.add_argument("--state", type=Path, default=ROOT / "build" / "bench-stack", help="the stack's folder")
    chosen = parser.parse_args()
    with EmbeddedStack(chosen.state) as addresses, tempfile.TemporaryDirectory() as folder:
        pipeline = _pipeline(addresses, Path(folder))
        classifier = Classifier.load() if chosen.model == "real" else KeywordClassifier()
        result = _measure(pipeline, classifier, chosen.documents)
    print(json.dumps({"documents": chosen.documents, "model": classifier.version, **result}, indent=2))


def _pipeline(addresses: Any, folder: Path) -> Pipeline:
    name = f"bench{uuid4().hex[:8]}"
    with psycopg.connect(addresses.database_url, autocommit=True) as session:
        session.execute(f"create database {name}")
    engine = connect(addresses.database_url.rsplit("/", 1)[0] + f"/{name}")
    migrate(engine)
    topics = Topics.prefixed(f"{name}.")
    ensure_topics(addresses.kafka, topics)
    return Pipeline(addresses.kafka, topics, engine, redis.Redis.from_url(addresses.redis_url), folder)


def _measure(pipeline: Pipeline, classifier: Any, count: int) -> dict[str, Any]:
    publish_s = _timed(lambda: pipeline.publish(stories(count)))
    with pipeline.scoring(pipeline.scorer(classifier)):
        scorer_s = _timed(lambda: _until(lambda: pipeline.count(pipeline.topics.scored) >= count))
    with pipeline.windows(pipeline.app(batch_size=2000)):
        windows_s = _timed(lambda: _until(lambda: pipeline.accounted() >= count))
    with ExitStack() as running:
        running.enter_context(pipeline.scoring(pipeline.scorer(classifier)))
        running.enter_context(pipeline.windows())
        lone = sorted(_lone(pipeline, number) for number in range(LONE))
    real, padded = (_value("yuqing_batch_tokens_total", kind=kind) for kind in ("real", "padded"))
    return {
        "publish_per_s": round(count / publish_s),
        "scorer_per_s": round(count / scorer_s),
        "windows_per_s": round(count / windows_s),
        "windows_over_scorer": round(scorer_s / windows_s, 2),
        "token_efficiency": round(real / padded, 3),
        "scorer_stage_s": {name: _stage(name) for name in ("intake", "stories", "tokens", "model")},
        "windows_stage_s": {name: _stage(name) for name in ("ingest", "hot_windows")},
        "windows_batch_mean": round(
            _value("yuqing_batch_documents_sum", stage="windows")
            / max(_value("yuqing_batch_documents_count", stage="windows"), 1)
        ),
        "lone_document_ms": {"p50": round(statistics.median(lone)), "p95": round(lone[int(0.95 * LONE)])},
    }


def _lone(pipeline: Pipeline, number: int) -> float:
    """Milliseconds from the broker's acknowledgement to the row, for a document that comes alone."""
    before = pipeline.accounted()
    title = f"Harbour Steel opens line {number} at {time.time_ns()}"
    pipeline.publish([RawDocument(source="bench", url=f"https://bench.example/{time.time_ns()}", title=title)])
    return 1000 * _timed(lambda: _until(lambda: pipeline.accounted() > before, every_s=0.002))


def _timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _until(done: Any, *, every_s: float = 0.2) -> None:
    eventually(done, 3600, every_s=every_s)


def _stage(name: str) -> float:
    return round(_value("yuqing_stage_seconds_sum", stage=name), 2)


def _value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    main()
