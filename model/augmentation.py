"""Altered copies of training rows: words replaced, left out or exchanged (Wei and Zou 2019, arXiv:1901.11196), entities
masked or swapped, texts translated there and back.

A copy keeps its row's label and set, and what teachers said of the row. What is drawn follows from the seed alone.
Words that hold a digit, and those of the entity asked about, are never touched: they are what the label hangs on.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from model.back_translation import back_translated
from model.datasets import Example
from model.entity_swap import EntitySwap
from model.errors import EngineError
from model.routing import language_of
from model.synonyms import Synonyms, load_synonyms
from model.techniques import AugmentationConfig

_DIGIT: Final = re.compile(r"\d")
_BARE: Final = re.compile(r"\W+")


def augmented(
    chosen: Sequence[Example], config: AugmentationConfig, data: Path, folder: Path, *, seed: int
) -> list[Example]:
    """The examples, and after them the altered copies; a copy that came out unaltered is left out.

    Args:
        chosen: the examples.
        config: what to do to how many.
        data: what the folders in the configuration are relative to.
        folder: takes translations, so that a later run need not repeat them.
        seed: of everything drawn.

    Raises:
        EngineError: a library or word list is not installed.
        ConfigError: a word list or a model's folder cannot be read.
    """
    rng = np.random.default_rng((seed, 1))
    copies = [one for one in chosen if rng.random() < config.share]
    originals = [one.text for one in copies]
    if config.back_translation:
        there, back = (data / name for name in config.back_translation)
        texts = back_translated(originals, there, back, folder / "back_translations.jsonl")
        copies = [replace(one, text=text) for one, text in zip(copies, texts, strict=True)]
    copies = [_masked(one, config, rng) for one in copies]
    swap = EntitySwap(chosen)
    copies = [swap.swapped(one, rng) if rng.random() < config.entity_swap else one for one in copies]
    steps = _steps(config, data)
    copies = [replace(one, text=_altered(one, steps, rng)) for one in copies]
    pairs = zip(copies, originals, strict=True)
    return [*chosen, *(one for one, original in pairs if one.text.strip() and one.text != original)]


def with_synonyms(
    words: list[str], free: list[int], share: float, synonyms: Synonyms, rng: np.random.Generator
) -> None:
    """Replace words, in place, by one of their synonyms each, in the same case.

    Args:
        words: of a text.
        free: places that may be touched.
        share: of them to replace.
        synonyms: a word's synonyms.
        rng: draws places and synonyms.
    """
    replaceable = [place for place in free if synonyms(words[place].lower())]
    for place in _drawn(replaceable, share * len(free), rng):
        found = sorted(synonyms(words[place].lower()))
        new = found[int(rng.integers(len(found)))]
        words[place] = new.capitalize() if words[place][:1].isupper() else new


def with_deletion(words: list[str], free: list[int], share: float, rng: np.random.Generator) -> None:
    """Leave words out, in place; at least one of a text stays."""
    gone = _drawn(free, share * len(free), rng)
    for place in sorted(gone, reverse=True):
        if len(words) > 1:
            del words[place]


def with_swap(words: list[str], free: list[int], share: float, rng: np.random.Generator) -> None:
    """Exchange words with their right neighbours, in place."""
    both = [place for place in free if place + 1 in free]
    for place in _drawn(both, share * len(free), rng):
        words[place], words[place + 1] = words[place + 1], words[place]


Step = Callable[[list[str], list[int], np.random.Generator], None]


def _steps(config: AugmentationConfig, data: Path) -> list[Step]:
    steps: list[Step] = []
    if config.synonyms:
        synonyms = load_synonyms(data / config.word_list if config.word_list else None)
        steps.append(lambda words, free, rng: with_synonyms(words, free, config.synonyms, synonyms, rng))
    if config.swap:
        steps.append(lambda words, free, rng: with_swap(words, free, config.swap, rng))
    if config.deletion:
        steps.append(lambda words, free, rng: with_deletion(words, free, config.deletion, rng))
    return steps


def _altered(one: Example, steps: Sequence[Step], rng: np.random.Generator) -> str:
    if not steps:
        return one.text
    chinese = language_of(one.text) == "zh"
    words = _chinese_words(one.text) if chinese else one.text.split()
    for step in steps:
        step(words, _free(words, one.entity or ""), rng)
    return ("" if chinese else " ").join(words)


def _free(words: Sequence[str], entity: str) -> list[int]:
    named = {_BARE.sub("", part).lower() for part in entity.split()} | {entity.lower()}
    bare = [_BARE.sub("", word).lower() for word in words]
    return [place for place, word in enumerate(bare) if word and word not in named and not _DIGIT.search(word)]


def _drawn(places: Sequence[int], expected: float, rng: np.random.Generator) -> list[int]:
    """As many places as expected on average, at most all of them."""
    count = int(expected) + (rng.random() < expected % 1)
    return [int(place) for place in rng.permutation(np.array(places, dtype=np.int64))[:count]]


def _masked(one: Example, config: AugmentationConfig, rng: np.random.Generator) -> Example:
    if not one.entity or one.entity not in one.text or rng.random() >= config.entity_mask:
        return one
    return replace(one, text=one.text.replace(one.entity, config.entity_word), entity=config.entity_word)


def _chinese_words(text: str) -> list[str]:
    try:
        import jieba  # type: ignore[import-untyped]
    except ImportError as error:
        raise EngineError("altering Chinese words needs jieba: pip install jieba") from error
    jieba.setLogLevel("WARNING")
    return list(jieba.lcut(text))
