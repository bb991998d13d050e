"""Sentences a second of the committed model beside the usual pipeline: `python tests/bench/bench_model.py [ROUNDS]`.

The usual one is `transformers`' text-classification pipeline in fp32 with an encoder of BERT-base's size (110 million
parameters) at batch 32; its weights are random, which changes no timing. Both read the same English sentences, written
for training, with all cores, turn by turn in one process; a ratio is of the two times of one round.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    TextClassificationPipeline,
    logging,
)

from model.artefact import COMMITTED, TOKENIZER
from model.classifier import Classifier
from model.routing import language_of
from model.written import written_examples

SENTENCES, BATCH = 640, 32


def usual_pipeline() -> Callable[[list[str]], object]:
    logging.set_verbosity_error()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(COMMITTED / "en" / TOKENIZER), pad_token="[PAD]", model_max_length=512
    )
    network = BertForSequenceClassification(BertConfig(num_labels=3)).eval()
    pipeline = TextClassificationPipeline(model=network, tokenizer=tokenizer, device="cpu")
    return lambda texts: pipeline(texts, batch_size=BATCH)


def seconds(read: Callable[[list[str]], object], texts: list[str]) -> float:
    began = time.perf_counter()
    read(texts)
    return time.perf_counter() - began


def main(rounds: int = 5) -> None:
    texts = [one.text for one in written_examples(copies=3, seed=0) if language_of(one.text) == "en"]
    texts = list(dict.fromkeys(texts))[:SENTENCES]
    classifier = Classifier.load()
    readers = {"usual pipeline, fp32, 110M": usual_pipeline(), f"{classifier.version}, int8": classifier.predict}
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
