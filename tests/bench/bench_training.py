"""Tokens a second in training, by base and precision: `python tests/bench/bench_training.py [BASE ...]`.

Batches of 128 questions about a company, written for training and of one length or nearly; all cores. `fused` is the
attention that torch takes by itself, `plain` the one that `model/learner.py` takes for bf16 on a CPU.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from transformers.utils import logging

from model.config import EncoderConfig, RunConfig
from model.corpus import Corpus
from model.encoder_run import start
from model.learner import Learner
from model.network import Network
from model.padding import padding
from model.routing import language_of
from model.techniques import Precision
from model.written import written_examples

ROWS, STEPS, WARM = 128, 10, 2


def tokens_per_second(base: str, precision: Precision, attention: str, folder: Path) -> float:
    run = RunConfig(languages=("en",), encoder=EncoderConfig(base=base), precision=precision)
    asked = [one for one in written_examples(copies=6, seed=0) if one.entity and language_of(one.text) == "en"]
    encoder, tokenizer = start(run, (), (), folder, None)
    corpus = Corpus(asked, tokenizer, run.encoder.max_tokens, pad_id=padding(tokenizer))
    order = sorted(range(len(corpus)), key=corpus.lengths.__getitem__)
    batches = [order[at : at + ROWS] for at in range(ROWS, ROWS * (STEPS + 1), ROWS)]
    learner = Learner(Network(encoder).train(), run, seed=0)
    if attention == "fused":
        encoder.set_attn_implementation("sdpa")
    taken = 0.0
    for step, places in enumerate(batches):
        began = time.perf_counter()
        learner.step([corpus.batch(places)], step, 100)
        taken += time.perf_counter() - began if step >= WARM else 0.0
    return sum(corpus.lengths[place] for places in batches[WARM:] for place in places) / taken


def main(bases: list[str]) -> None:
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    ways: list[tuple[Precision, str]] = [("fp32", "fused"), ("bf16", "fused"), ("bf16", "plain")]
    with tempfile.TemporaryDirectory() as folder:
        for base in bases or ["all-MiniLM-L6-v2"]:
            for precision, attention in ways:
                found = tokens_per_second(base, precision, attention, Path(folder))
                print(f"{base:20s} {precision} {attention:6s} {found:8.0f} tokens/s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
