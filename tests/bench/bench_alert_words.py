"""What it takes to ask the model which words made a document negative, and whether the alert engine feels it. JSON.

`python tests/bench/bench_alert_words.py [--alerts 30] [--texts 50]`

texts    seconds of `WordsOfModel` for negative news items of `tests/bench/texts.py` and for the longest that it reads
telling  of negative items, English and, where the labelled set lies beside the checkout, Chinese: how many have words,
         and the mean fall of P(negative) without all of them, beside that without as many drawn by chance
engine   milliseconds from the commit of a surge to the commit of its alert, by turns with nothing beside it and with an
         explainer that is at work the whole time, as nice as in the role `scheduler`, in a process of its own or in a
         thread of the engine's
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "integration")]

import structlog  # noqa: E402
from alert_stage import Stage, Story, wall_clock  # noqa: E402
from bench_ingest import embedded, fresh_database  # noqa: E402
from machine import machine  # noqa: E402
from sqlalchemy import Engine, text  # noqa: E402
from texts import sample, text_of  # noqa: E402

from alerts.explaining import Explaining  # noqa: E402
from deploy.alert_words import WordsOfModel  # noqa: E402
from model.artefact import COMMITTED  # noqa: E402
from model.classifier import Classifier  # noqa: E402
from model.words import units_of, without  # noqa: E402
from storage.connection import connect  # noqa: E402
from storage.schema import migrate  # noqa: E402

_LONG, _AT_ONCE = 5_000, 5
_CHINESE = Path(__file__).parents[3] / "shared" / "data" / "labelled" / "finnsp_zh_negative.jsonl"
_WORDLESS = text("SELECT count(*) FROM alerts WHERE coalesce(evidence #>> '{documents,0,explained_by}', '') = ''")


def told(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and worst, in milliseconds."""
    ranked = sorted(seconds)
    return {
        "median_ms": round(statistics.median(ranked) * 1e3, 1),
        "p95_ms": round(ranked[int(len(ranked) * 0.95)] * 1e3, 1),
        "worst_ms": round(ranked[-1] * 1e3, 1),
    }


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def texts(model: WordsOfModel, number: int) -> dict[str, dict[str, float]]:
    """Usual items, and one of each language as long as bodies come."""
    items = sample(number).documents
    long = [(item.title * (_LONG // len(item.title)), "") for item in items[:10]]
    return {
        "items": told([timed(lambda one=one: model(one.title, one.body, None)) for one in items]),
        "longest": told([timed(lambda one=one: model(*one, None)) for one in long]),
    }


def telling(model: WordsOfModel, classifier: Classifier, items: Iterable[str], most: int) -> dict[str, float]:
    """What its words mean to the model, on the first `most` items that it calls negative."""
    drawn = random.Random(1)
    words, falls, by_chance = [], [], []
    for item in items:
        whole = classifier.predict([item])[0]
        if whole.label != "negative":
            continue
        told = model(item, "", None)
        units = units_of(item)
        marked = [unit for unit in units if any(word.start <= unit.start < word.end for word in told)]
        less = [without(item, marked), without(item, drawn.sample(units, len(marked)))]
        ours, chance = classifier.predict(less)
        words.append(len(told))
        falls.append(whole.negative - ours.negative)
        by_chance.append(whole.negative - chance.negative)
        if len(words) == most:
            break
    return {
        "items": len(words),
        "with_words": sum(map(bool, words)),
        "median_words": statistics.median(words),
        "fall": round(statistics.mean(falls), 3),
        "fall_by_chance": round(statistics.mean(by_chance), 3),
    }


def tellings(model: WordsOfModel, most: int) -> dict[str, dict[str, float]]:
    """In both languages."""
    classifier = Classifier.load(COMMITTED, engine="onnx", threads=1)
    found = {"english": telling(model, classifier, map(text_of, sample(20 * most).documents), most)}
    if _CHINESE.exists():
        chinese = [json.loads(line)["text"] for line in _CHINESE.read_text("utf-8").splitlines()]
        found["chinese"] = telling(model, classifier, random.Random(1).sample(chinese, len(chinese)), most)
    return found


def work(items: Sequence[tuple[str, str]], ready: Any, go: Any, stop: Any) -> None:
    """An explainer that never rests while `go` is set, as nice as the scheduler's."""
    model = WordsOfModel(COMMITTED)
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
    ready.set()
    while not stop.is_set():
        for title, body in items:
            while not go.wait(0.1):
                if stop.is_set():
                    return
            model(title, body, None)


@contextmanager
def explainers(items: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """Two, each at work while its event is set: in a process of its own, and in a thread of this one."""
    spawn = multiprocessing.get_context("spawn")
    kinds = {"process": (spawn.Event, spawn.Process), "thread": (threading.Event, threading.Thread)}
    signals = {kind: (event(), event(), event()) for kind, (event, _) in kinds.items()}
    workers = [make(target=work, args=(items, *signals[kind])) for kind, (_, make) in kinds.items()]
    for worker in workers:
        worker.start()
    for ready, _, _ in signals.values():
        ready.wait()
    try:
        yield {kind: go for kind, (_, go, _) in signals.items()}
    finally:
        for _, _, stop in signals.values():
            stop.set()
        for worker in workers:
            worker.join()


def alarm(stage: Stage, number: int) -> float:
    """A surge about a company of its own; seconds from its commit until the engine has decided."""
    engine, entity = stage.engine(), f"company-{number}"
    title = f"Company {number} defaults on its bonds, auditor resigns"
    stage.publish(*(Story(10 * number + step, entity, title=f"{title} ({step})") for step in range(6)))
    return timed(engine.once)


def engines(database: Engine, model: WordsOfModel, alerts: int) -> dict[str, object]:
    """Surges by turns alone and beside an explainer at work."""
    stage = Stage(database)
    stage.calm()
    items = [(one.title, one.body) for one in sample(50).documents]
    numbers = count()
    found: dict[str, list[float]] = {"alone": [], "process": [], "thread": []}
    with explainers(items) as going:
        for _ in range(alerts // _AT_ONCE):
            for kind, seconds in found.items():
                if kind in going:
                    going[kind].set()
                seconds += [alarm(stage, next(numbers)) for _ in range(_AT_ONCE)]
                if kind in going:
                    going[kind].clear()
    with database.connect() as connection:
        opened = connection.execute(_WORDLESS).scalar_one()
    explaining = Explaining(database, lambda: model, wall_clock)
    spent = timed(explaining.once)
    return {
        **{kind: told(seconds) for kind, seconds in found.items()},
        "alerts": opened,
        "words_ms_an_alert": round(spent / max(opened, 1) * 1e3, 1),
    }


def main() -> None:
    """Prints one object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=30)
    parser.add_argument("--texts", type=int, default=50)
    given = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    model = WordsOfModel(COMMITTED)
    with embedded() as server, fresh_database(server) as url:
        database = connect(url)
        migrate(database)
        found = {
            "texts": texts(model, given.texts),
            "telling": tellings(model, given.texts),
            "engine": engines(database, model, given.alerts),
        }
        database.dispose()
    print(json.dumps(found | {"machine": machine()}, indent=2))


if __name__ == "__main__":
    main()
