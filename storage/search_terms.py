"""What a text is found by: English words by their stem, Chinese by its neighbouring characters.

PostgreSQL's parser takes a run of Chinese for one word. Written as overlapping pairs, and the last character once
more alone, the same text becomes words that any two characters find, that stand beside each other where the text
does, and of which some begins with each character. No extension is needed, and one index holds both languages.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["CONFIGURATION", "MOST_INDEXED", "indexed", "queried"]

CONFIGURATION = "english"
"""The text search configuration of PostgreSQL; it leaves pairs of Chinese characters as they are."""

MOST_INDEXED = 20_000
"""Characters of a document that are indexed: a tsvector ends at 16,383 positions and 1 MB."""

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_ASKED_FOR = re.compile(rf"(?P<minus>(?<!\S)-)?(?P<run>{_HAN.pattern})")
_QUOTES = re.compile("[“”„«»]")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")


class _BlankSigns(dict[int, str]):
    """For str.translate: signs and spaces beyond ASCII are blanks, each found out once.

    In the C locale PostgreSQL takes them for letters, and “Acme” is another word than Acme.
    """

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        self[code] = " " if code > 127 and unicodedata.category(letter)[0] in "PSZ" else letter
        return self[code]


_BLANK_SIGNS = _BlankSigns()


def indexed(title: str, body: str) -> str:
    """What PostgreSQL is given to make a tsvector of."""
    text = f"{title}\n{body}"[:MOST_INDEXED].translate(_BLANK_SIGNS)
    return _HAN.sub(lambda run: f" {_pairs(run[0])} {run[0][-1]} ", text)


def queried(query: str) -> tuple[str, str]:
    """A query of an analyst as (what websearch_to_tsquery takes, what to_tsquery takes); either may be empty.

    Words, "phrases", OR and -not mean what they mean in a search engine. A run of Chinese is a phrase of its pairs;
    a single character is a prefix, which only to_tsquery knows: both must match.
    """
    alone: list[str] = []

    def unquoted(found: re.Match[str]) -> str:
        minus, run = found["minus"] or "", found["run"]
        if len(run) > 1:
            return f' {minus}"{_pairs(run)}" '
        alone.append(f"{'!' if minus else ''}{run}:*")
        return " "

    parts = _UNPRINTABLE.sub(" ", _QUOTES.sub('"', query).translate(_BLANK_SIGNS)).split('"')
    parts = [_in_quotes(part) if place % 2 else _ASKED_FOR.sub(unquoted, part) for place, part in enumerate(parts)]
    return '"'.join(parts).strip(), " & ".join(alone)


def _in_quotes(phrase: str) -> str:
    """A phrase as it is indexed; its last run may go on in the text, so its last character does not stand alone."""
    phrase = phrase.strip()

    def written(found: re.Match[str]) -> str:
        run = found[0]
        goes_on = found.end() == len(phrase) and len(run) > 1
        return f" {_pairs(run)} " if goes_on else f" {_pairs(run)} {run[-1]} "

    return _HAN.sub(written, phrase)


def _pairs(run: str) -> str:
    return " ".join(run[start : start + 2] for start in range(len(run) - 1))
