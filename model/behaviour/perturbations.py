"""What is done to a sentence that must not change what it says. All chance comes from the given generator."""

import random
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from model.routing import Language

Perturbation = Callable[[str, Language, random.Random], str]
_WORD: Final = re.compile(r"[a-z]{5,}")
_INVISIBLE: Final = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad")
# Homophones that a Chinese typist picks by mistake; none of them turns a verb of the sentences into another.
_HOMOPHONES: Final = {"将": "江", "年": "念", "获": "或", "期": "其", "度": "渡", "股": "骨", "务": "物", "收": "受"}
_LINK, _BLOCK = '<a href="/n/1">{}</a>', '<div class="story">{}</div>'
_DEBRIS: Final = ("<p>{}</p>", "{}<br/>", "&nbsp;{}&nbsp;", "{}]]>", _LINK, _BLOCK)
_AROUND: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("{} https://example.com/a1b2", "(Newswire) - {}", "{} #stocks #markets", "{} Read more.", "UPDATE 1-{}"),
    "zh": ("{} https://example.com/a1b2", "【快讯】{}", "{}（来源：财经网）", "财经网讯，{}", "#股票# {}"),
}


def typo(text: str, language: Language, rng: random.Random) -> str:
    """Swap, drop or double a letter inside a small-letter word; in Chinese, write a homophone or double a character."""
    if language == "zh":
        wrong = [place for place, character in enumerate(text) if character in _HOMOPHONES]
        if wrong:
            place = rng.choice(wrong)
            return text[:place] + _HOMOPHONES[text[place]] + text[place + 1 :]
        place = rng.randrange(len(text) - 1)
        return text[: place + 1] + text[place:]
    word = rng.choice(list(_WORD.finditer(text)))
    place = rng.randrange(word.start() + 1, word.end() - 2)
    one, two = text[place], text[place + 1]
    return text[:place] + rng.choice((two + one, one, one + one + two)) + text[place + 2 :]


def letter_case(text: str, language: Language, rng: random.Random) -> str:
    """All capitals or all small."""
    return rng.choice((text.upper(), text.lower()))


def traditional(text: str, language: Language, rng: random.Random) -> str:
    """The Chinese sentence as Taiwan or Hong Kong would write it, characters only."""
    return str(_to_traditional().convert(text))


def white_space(text: str, language: Language, rng: random.Random) -> str:
    """Space around the text and in runs within it; in Chinese, after punctuation, where it is harmless."""
    runs = ("  ", " \t ", "\n", "\u3000", "\u00a0 ")
    if language == "zh":
        return rng.choice(runs) + re.sub("[，、：]", lambda mark: mark[0] + rng.choice(runs), text) + "\n"
    return rng.choice(runs) + re.sub(" ", lambda _: rng.choice(runs), text) + "\n"


def letter_spacing(text: str, language: Language, rng: random.Random) -> str:
    """One word of five letters or more, or the whole of a Chinese sentence, spelled with spaces."""
    if language == "zh":
        return " ".join(text)
    word = rng.choice(list(_WORD.finditer(text)))
    return text[: word.start()] + " ".join(word[0]) + text[word.end() :]


def full_width(text: str, language: Language, rng: random.Random) -> str:
    """Printable ASCII as its full-width forms, spaces left alone."""
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


def invisible(text: str, language: Language, rng: random.Random) -> str:
    """Four characters that nobody sees."""
    for _ in range(4):
        place = rng.randrange(1, len(text))
        text = text[:place] + rng.choice(_INVISIBLE) + text[place:]
    return text


def html_debris(text: str, language: Language, rng: random.Random) -> str:
    """Two kinds of left-over markup around the text."""
    for around in rng.sample(_DEBRIS, 2):
        text = around.format(text)
    return text


def attribution(text: str, language: Language, rng: random.Random) -> str:
    """A source, a link, a hashtag or an editor's mark beside the sentence."""
    return rng.choice(_AROUND[language]).format(text)


PERTURBATIONS: Final[dict[str, tuple[Perturbation, tuple[Language, ...]]]] = {
    "typos": (typo, ("en", "zh")),
    "letter_case": (letter_case, ("en",)),
    "traditional": (traditional, ("zh",)),
    "white_space": (white_space, ("en", "zh")),
    "letter_spacing": (letter_spacing, ("en", "zh")),
    "full_width": (full_width, ("en", "zh")),
    "invisible": (invisible, ("en", "zh")),
    "html_debris": (html_debris, ("en", "zh")),
    "attribution": (attribution, ("en", "zh")),
}


@cache
def _to_traditional() -> Any:
    from opencc import OpenCC  # type: ignore[import-untyped]

    return OpenCC("s2t")
