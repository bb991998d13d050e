"""Which of the languages that the model reads a text is in: by its script first, by a classifier where that leaves
a choice."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

import py3langid  # type: ignore[import-untyped]
from zhon import cedict  # type: ignore[import-untyped]

__all__ = ["Language", "detect"]

Language = Literal["en", "zh-Hans", "zh-Hant", "other"]

_SAMPLE_CHARS = 1_000
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA_HANGUL = re.compile("[\u3041-\u3096\u30a1-\u30fa\u1100-\u11ff\uac00-\ud7a3]")
_LATIN = re.compile("[A-Za-z\xc0-\u024f]")
_OTHER = re.compile("[\u0370-\u03ff\u0400-\u052f\u0590-\u06ff\u0900-\u0dff\u0e00-\u0e7f]")
_FOREIGN = re.compile("[\xc0-\u024f]")

# A Han character says about as much as three Latin letters: a Chinese headline full of company names is Chinese.
_HAN_WEIGHT = 3

# Without a list the classifier considers 97 languages and takes "Stocks rise" for Swahili.
_CANDIDATES = (
    "en", "fr", "de", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "pl", "cs", "hu", "ro", "tr", "id", "vi",
)  # fmt: skip

# Words of prose that no neighbour language shares. Two of them settle it, at a twentieth of the classifier's cost.
_ENGLISH = frozenset(
    ("the", "and", "with", "from", "that", "this", "its", "are", "has", "have", "will", "how", "why", "what", "says")
)

# How much more likely (in nats) another language must be. Headlines are short and full of names, and most are English.
_MARGIN = 6.0


def detect(text: str) -> Language:
    """The language of plain text, short headlines included. Text without any letter is `other`."""
    sample = text[:_SAMPLE_CHARS]
    latin = len(_LATIN.findall(sample))
    if not sample.isascii():
        han = len(_HAN.findall(sample))
        foreign_script = len(_KANA_HANGUL.findall(sample)) + len(_OTHER.findall(sample))
        if han and foreign_script <= han // 6 and han * _HAN_WEIGHT >= latin:
            return _chinese(sample)
        if foreign_script > latin // 4 or han > latin:
            return "other"
    if latin == 0:
        return "other"
    return _latin(sample)


def _chinese(sample: str) -> Language:
    """Simplified or traditional, by the characters that only one of them writes; simplified where none tells."""
    simplified, traditional = _scripts()
    only_simplified = sum(c in simplified for c in sample)
    only_traditional = sum(c in traditional for c in sample)
    return "zh-Hant" if only_traditional > only_simplified else "zh-Hans"


@cache
def _scripts() -> tuple[frozenset[str], frozenset[str]]:
    simplified, traditional = set(cedict.simplified), set(cedict.traditional)
    return frozenset(simplified - traditional), frozenset(traditional - simplified)


def _latin(sample: str) -> Language:
    if len(_ENGLISH.intersection(sample.lower().split())) >= 2:
        return "en"
    scores = dict(_ranked(sample))
    best = max(scores.values())
    margin = _MARGIN if not _FOREIGN.search(sample) else _MARGIN / 3
    return "en" if scores["en"] >= best - margin else "other"


def _ranked(sample: str) -> list[tuple[str, float]]:
    _restrict()
    ranked: list[tuple[str, float]] = py3langid.rank(sample)
    return ranked


@cache
def _restrict() -> None:
    py3langid.set_languages(list(_CANDIDATES))
