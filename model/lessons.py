"""What teachers say about every text of a run: asked once, kept in the build folder, averaged into lessons.

    teachers/KEY/00000.npz …   hashes of texts (n, 16), their sentiment (n, 3) and topics (n, topics) as raw logits

A chunk is written whole or not at all, so that a run that was killed asks only for what is missing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.progress import track
from scipy.special import expit, softmax  # type: ignore[import-untyped]

from model.corpus import more_text, part_examples
from model.datasets import Example, Sets
from model.engines import FloatArray
from model.labels import SENTIMENTS, TOPIC_IDS, TOPIC_INDEX
from model.splits import normalise
from model.teachers import Question, Teacher, load_teacher
from model.techniques import Precision, TeacherConfig

CHUNK: Final = 512
SOURCE: Final = "unlabelled"
Answer = tuple[FloatArray, FloatArray]


def unlabelled(data: Path, sets: Sets, config: TeacherConfig, *, seed: int) -> list[Example]:
    """Feed items as examples that only a teacher speaks to, each text once and none that dev or test parts hold."""
    known = held_back(sets)
    stripped = (text.strip() for text in more_text(data / name for name in config.text))
    texts = [text for text in dict.fromkeys(stripped) if text and normalise(text) not in known]
    if config.text_at_most:
        order = np.random.default_rng(seed).permutation(len(texts))
        texts = [texts[place] for place in sorted(order[: config.text_at_most])]
    none = np.zeros(len(TOPIC_IDS), dtype=np.float32)
    return [Example(text, SOURCE, (), (), none, none, False) for text in texts]


def held_back(sets: Sets) -> set[str]:
    """The normalised texts of all dev and test parts, which nobody learns from, with a label or without."""
    return {normalise(one.text) for part in ("dev", "test") for one in part_examples(sets, part, toward=False)}


def taught(
    chosen: Sequence[Example],
    config: TeacherConfig,
    folder: Path,
    *,
    max_tokens: int,
    precision: Precision = "fp32",
) -> list[Example]:
    """Give every example the lesson of its teachers: the mean of their probabilities at the temperature.

    Args:
        chosen: the examples.
        config: who teaches what.
        folder: of the encoder in training, in the build folder that teachers' folders are relative to; takes the cache.
        max_tokens: that a teacher without a manifest reads of a text.
        precision: of a forward pass of such a teacher.

    Raises:
        ConfigError: a folder holds no teacher.
    """
    questions = [(one.text, one.entity) for one in chosen]
    sentiment = np.full((len(chosen), len(SENTIMENTS)), np.nan, dtype=np.float32)
    topics = np.full((len(chosen), len(TOPIC_IDS)), np.nan, dtype=np.float32)
    answers = {}
    for name in dict.fromkeys((*config.sentiment, *config.topics)):
        teacher = load_teacher(folder.parent / name, max_tokens=max_tokens, precision=precision)
        answers[name] = ask(teacher, questions, folder / "teachers" / teacher.key)
    if config.sentiment:
        sentiment = np.mean(
            [softmax(answers[name][0] / config.temperature, axis=1) for name in config.sentiment], axis=0
        )
    if config.topics:
        taught_ids = [TOPIC_INDEX[name] for name in config.topic_ids or TOPIC_IDS]
        said = np.mean([expit(answers[name][1] / config.temperature) for name in config.topics], axis=0)
        topics[:, taught_ids] = said[:, taught_ids]
    return [replace(one, lesson=(sentiment[place], topics[place])) for place, one in enumerate(chosen)]


def ask(teacher: Teacher, questions: Sequence[Question], cache: Path) -> Answer:
    """The logits of all questions, in order; those that the cache lacks are asked and added to it."""
    cache.mkdir(parents=True, exist_ok=True)
    hashes = [_hash(one) for one in questions]
    known = _read(cache)
    missing = {key: one for key, one in zip(hashes, questions, strict=True) if key not in known}
    # Texts of like length together: less padding.
    todo = sorted(missing, key=lambda key: len(missing[key][0]))
    first = 1 + max((int(path.stem) for path in cache.glob("*.npz")), default=-1)
    starts = range(0, len(todo), CHUNK)
    for number, start in enumerate(
        track(starts, f"ask {teacher.key}", console=Console(stderr=True), disable=not todo), first
    ):
        keys = todo[start : start + CHUNK]
        sentiment, topics = teacher.logits([missing[key] for key in keys])
        _write(cache / f"{number:05}.npz", keys, sentiment, topics)
        known.update(zip(keys, zip(sentiment, topics, strict=True), strict=True))
    rows = [known[key] for key in hashes]
    return np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])


def _read(cache: Path) -> dict[bytes, Answer]:
    known: dict[bytes, Answer] = {}
    for path in sorted(cache.glob("*.npz")):
        with np.load(path, allow_pickle=False) as chunk:
            keys = [row.tobytes() for row in chunk["hashes"]]
            known.update(zip(keys, zip(chunk["sentiment"], chunk["topics"], strict=True), strict=True))
    return known


def _write(path: Path, keys: Sequence[bytes], sentiment: FloatArray, topics: FloatArray) -> None:
    hashes = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), -1)
    temporary = path.with_name(f".{path.stem}.part")
    with temporary.open("wb") as stream:
        np.savez(stream, hashes=hashes, sentiment=sentiment, topics=topics)
    temporary.replace(path)


def _hash(question: Question) -> bytes:
    text, entity = question
    joined = text if entity is None else f"{entity}\0{text}"
    return hashlib.blake2b(joined.encode("utf-8", "replace"), digest_size=16).digest()
