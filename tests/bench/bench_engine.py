"""Texts to predictions: our engine and batching beside the usual ones, and beside what the hardware gives. JSON.

`python tests/bench/bench_engine.py [--short] [--documents 1500] [--rounds 5]`. Contestants, turn by turn on the same
texts, all with every core:

ours              `Classifier.predict`, tokenising included
arrival_order     ONNX Runtime with the same network in fp32, tokenising included: batches of 32 texts as they arrive,
                  padded to the longest of them
limit             the int8 engine on arrays made beforehand, perfectly sorted and packed, so that tokenising and padding
                  cost nothing; the quicker of one pass on all cores and one pass a core

Then a table: engines by policies of batching, on tokens made beforehand.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from bench_frame import Frame, alone
from figures import by_turns, ratio, significant
from reference_models import BATCH, ENCODER, export_fp32
from texts import sample, text_of
from tokenizers import Tokenizer

from model.artefact import COMMITTED, ONNX_INT8, TOKENIZER, read_manifest
from model.classifier import TOKEN_BUDGET, Classifier, Tokens, pack
from model.engine_choice import usable_cores
from model.engines import Engine, IntArray, OnnxEngine
from stream.batching import Batcher

__all__ = ["measure"]

Arrays = tuple[IntArray, IntArray]
Policy = Callable[[Sequence[Tokens]], list[list[int]]]

_CORES = usable_cores()
_PART = read_manifest(COMMITTED).encoders[ENCODER]
_AHEAD = 512
"""Texts that wait in the batcher, as under a backlog with two cores: see `stream/scorer.py`."""


@dataclass(frozen=True)
class _Sizes:
    documents: int
    rounds: int
    table_documents: int
    table_rounds: int


_FULL, _SHORT = _Sizes(1_500, 5, 600, 3), _Sizes(300, 2, 150, 1)


def measure(frame: Frame) -> dict[str, Any]:
    """`engine_vs_arrival_order`, `engine_vs_limit`, and the table."""
    sizes = _SHORT if frame.short else _FULL
    found = sample(frame.documents or sizes.documents)
    classifier = Classifier.load()
    texts = [text for text in map(text_of, found.documents) if classifier.encoder_of(text) == ENCODER]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.fp32.onnx"
        export_fp32(path)
        with _engines(path) as engines:
            rates = by_turns(_contestants(classifier, texts, engines), frame.rounds or sizes.rounds)
            table = _table(engines, classifier.encode(texts[: sizes.table_documents]), sizes.table_rounds)
    limits = [max(pair) for pair in zip(rates["limit_all_cores"], rates["limit_a_core"], strict=True)]
    return {
        "engine_vs_arrival_order": ratio(rates["ours"], rates["arrival_order"]),
        "engine_vs_limit": ratio(rates["ours"], limits),
        "engine": {
            "texts": found.origin,
            "sentences_per_s": {name: significant(statistics.median(each)) for name, each in rates.items()},
            "rounds": {name: [significant(rate) for rate in each] for name, each in rates.items()},
            "token_budget": TOKEN_BUDGET,
            "table": table,
        },
    }


@dataclass(frozen=True)
class _Way:
    """An engine, and how many of its passes run side by side."""

    engine: Engine
    pool: ThreadPoolExecutor

    def run(self, batches: Sequence[Arrays]) -> None:
        """All the batches."""
        for _ in self.pool.map(lambda batch: self.engine.logits(*batch), batches):
            pass


@contextmanager
def _engines(fp32: Path) -> Iterator[dict[str, _Way]]:
    int8 = COMMITTED / ENCODER / ONNX_INT8
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(_CORES) as several:
        yield {
            "int8, a pass a core": _Way(OnnxEngine(int8, threads=1), several),
            "int8, one pass on all cores": _Way(OnnxEngine(int8, threads=_CORES), one),
            "fp32, a pass a core": _Way(OnnxEngine(fp32, threads=1), several),
            "fp32, one pass on all cores": _Way(OnnxEngine(fp32, threads=_CORES), one),
        }


def _contestants(
    classifier: Classifier, texts: Sequence[str], engines: Mapping[str, _Way]
) -> dict[str, Callable[[], float]]:
    tokens = classifier.encode(texts)
    sorted_arrays = [_padded([tokens[place].ids for place in places]) for places in _sorted(tokens)]
    fp32 = engines["fp32, one pass on all cores"]

    tokenizer = Tokenizer.from_file(str(COMMITTED / ENCODER / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_PART.max_tokens)

    def arrival_order() -> None:
        for at in range(0, len(texts), BATCH):
            fp32.run([_padded([one.ids for one in tokenizer.encode_batch(texts[at : at + BATCH])])])

    work: dict[str, Callable[[], object]] = {
        "ours": lambda: classifier.predict(texts),
        "arrival_order": arrival_order,
        "limit_all_cores": lambda: engines["int8, one pass on all cores"].run(sorted_arrays),
        "limit_a_core": lambda: engines["int8, a pass a core"].run(sorted_arrays),
    }
    for one in work.values():  # a first pass makes buffers
        one()
    return {name: partial(_rate, len(texts), one) for name, one in work.items()}


def _table(engines: Mapping[str, _Way], tokens: Sequence[Tokens], rounds: int) -> list[dict[str, Any]]:
    """Engines by policies: sentences a second, and how much of what is computed is text."""
    policies: dict[str, Policy] = {"arrival order, 32": _arrival, "sorted": _sorted, "our batcher": _batcher}
    batches = {
        name: [_padded([tokens[place].ids for place in one]) for one in cut(tokens)] for name, cut in policies.items()
    }
    cells = {
        (engine, policy): partial(_rate, len(tokens), partial(way.run, arrays))
        for policy, arrays in batches.items()
        for engine, way in engines.items()
    }
    return [
        {
            "engine": engine,
            "policy": policy,
            "sentences_per_s": significant(statistics.median(rates)),
            "token_efficiency": round(sum(map(len, tokens)) / sum(ids.size for ids, _ in batches[policy]), 3),
            "texts_a_batch": round(len(tokens) / len(batches[policy]), 1),
        }
        for (engine, policy), rates in by_turns(cells, rounds).items()
    ]


def _arrival(tokens: Sequence[Tokens]) -> list[list[int]]:
    places = list(range(len(tokens)))
    return [places[at : at + BATCH] for at in range(0, len(places), BATCH)]


def _sorted(tokens: Sequence[Tokens]) -> list[list[int]]:
    return list(pack([len(one) for one in tokens], TOKEN_BUDGET))


def _batcher(tokens: Sequence[Tokens]) -> list[list[int]]:
    """What `stream.batching.Batcher` makes of a backlog: some full batches wait, and the oldest text leads the next."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    batcher: Batcher[int] = Batcher(token_budget=TOKEN_BUDGET, deadline=timedelta(milliseconds=50))
    batches, places = [], iter(range(len(tokens)))
    more = True
    while more or len(batcher):
        while more and len(batcher) < _AHEAD:
            place = next(places, None)
            more = place is not None
            if place is not None:
                at = now + timedelta(microseconds=place)
                batcher.add(place, tokens=len(tokens[place]), arrived_at=at, now=at)
        if len(batcher):
            batches.append(list(batcher.take(now).items))
    return batches


def _padded(batch: Sequence[Sequence[int]]) -> Arrays:
    ids = np.full((len(batch), max(map(len, batch))), _PART.pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, item in enumerate(batch):
        ids[row, : len(item)] = item
        mask[row, : len(item)] = 1
    return ids, mask


def _rate(texts: int, work: Callable[[], object]) -> float:
    """Texts a second of a work that does so many."""
    began = time.perf_counter()
    work()
    return texts / (time.perf_counter() - began)


if __name__ == "__main__":
    alone(measure, __doc__)
