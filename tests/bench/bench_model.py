"""Sentences a second of the committed model beside the usual pipeline: `python tests/bench/bench_model.py [ROUNDS]`.

The usual one is `transformers`' text-classification pipeline in fp32 with an encoder of BERT-base's size (110 million
parameters) at batch 32; its weights are random, which changes no timing. Both read the same English sentences, written
for training, with all cores, turn by turn in one process; a ratio is of the two times of one round.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from reference_models import BATCH, usual_pipeline

from model.classifier import Classifier
from model.routing import language_of
from model.written import written_examples

SENTENCES = 640


def seconds(read: Callable[[list[str]], object], texts: list[str]) -> float:
    began = time.perf_counter()
    read(texts)
    return time.perf_counter() - began


def main(rounds: int = 5) -> None:
    texts = [one.text for one in written_examples(copies=3, seed=0) if language_of(one.text) == "en"]
    texts = list(dict.fromkeys(texts))[:SENTENCES]
    classifier = Classifier.load()
    readers = {"usual pipeline, fp32, 110M": usual_pipeline("110m"), f"{classifier.version}, int8": classifier.predict}
    for read in readers.values():
        read(texts[: 2 * BATCH])
    taken = [{name: seconds(read, texts) for name, read in readers.items()} for _ in range(rounds)]
    print(f"{len(texts)} sentences, {torch.get_num_threads()} threads, median of {rounds} rounds")
    for name in readers:
        print(f"{name:40s} {len(texts) / statistics.median(one[name] for one in taken):8.1f} sentences/s")
    usual, ours = readers
    ratios = [one[usual] / one[ours] for one in taken]
    print(f"{'ratio':40s} {statistics.median(ratios):8.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
