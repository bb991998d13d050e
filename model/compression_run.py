"""All forms of one encoder: made, and measured side by side in fp32 and int8."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from model.artefact import ONNX_INT8, TOKENIZER, read_manifest
from model.compression import ONNX_FP32, Form, compress
from model.corpus import Corpus, more_text, part_examples
from model.datasets import Example, read_sets
from model.engines import OnnxEngine
from model.pareto import Candidate, Measured, measure_side_by_side
from model.routing import language_of

WEIGHED: Final = 1000  # rows at most that the importance of heads is measured on


def compress_all(
    build: Path,
    data: Path,
    out: Path,
    forms: Sequence[Form],
    *,
    encoder: str,
    text: Sequence[Path] = (),
    limit: int = 250,
    rounds: int = 5,
    threads: int = 1,
) -> list[Measured]:
    """Make every form and measure it on the dev parts of the split that the build was trained on.

    The importance of heads is measured on dev rows beyond `limit`: what chooses a form must not measure it.

    Args:
        build: a finished build folder.
        data: a folder of labelled files.
        out: takes a folder for each form, named after it.
        forms: what to make.
        encoder: of the build.
        text: folders of feed items to count pieces in, beside the train parts.
        limit: dev rows of each set.
        rounds: see `measure_side_by_side`.
        threads: of one forward pass.

    Raises:
        ArtefactError: the build is not finished.
        ConfigError: there is no such encoder or layer, the vocabulary cannot be cut, or heads cannot go.
        DataError: the data cannot be read.
    """
    manifest = read_manifest(build)
    sets = read_sets(data, seed=int(manifest.training.get("seed", 0)))
    mine = {language for language, name in manifest.routes.items() if name == encoder}
    texts = [one.text for one in part_examples(sets, "train") if language_of(one.text) in mine]
    texts += [f"{one.entity}" for one in part_examples(sets, "train") if one.entity and language_of(one.text) in mine]
    texts += [one for one in more_text(text) if language_of(one) in mine]
    asked = [one for one in part_examples(sets, "dev", limit=limit) if language_of(one.text) in mine]
    weighed = _others([one for one in part_examples(sets, "dev") if language_of(one.text) in mine], asked)
    candidates: list[Candidate] = []
    for form in forms:
        folder = compress(build, encoder, form, texts, out / form.name, labelled=weighed)
        candidates += _candidates(form.name, folder, asked, *_shape(out / form.name, encoder), threads)
    return measure_side_by_side(candidates, rounds=rounds)


def _others(every: list[Example], asked: list[Example]) -> list[Example]:
    """A sample of examples whose text is none of those asked."""
    known = {one.text for one in asked}
    left = [one for one in every if one.text not in known]
    order = np.random.default_rng(0).permutation(len(left))
    return [left[place] for place in sorted(order[:WEIGHED])]


def _candidates(
    name: str, folder: Path, asked: list[Example], max_tokens: int, pad_id: int, threads: int
) -> list[Candidate]:
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    corpus = Corpus(asked, tokenizer, max_tokens, pad_id=pad_id)
    files = {kind: folder / file for kind, file in (("fp32", ONNX_FP32), ("int8", ONNX_INT8))}
    return [
        Candidate(f"{name} {kind}", OnnxEngine(path, threads=threads), corpus, (path, folder / TOKENIZER))
        for kind, path in files.items()
    ]


def _shape(finished: Path, encoder: str) -> tuple[int, int]:
    part = read_manifest(finished).encoders[encoder]
    return part.max_tokens, part.pad_id
