"""Which names of companies a text may hold that no watch list knows: "Silicon Valley Bank", 硅谷银行, $SIVB.

1. Spans: up to five capitalised words in a row, Chinese characters that end as companies' names do, written tickers.
2. Left out is what the watch list has, what is an ordinary word, a place, a person, and what the language of the text
   capitalises anyway: of a Title Case headline nothing counts that its body does not bear out, but for single words
   with a mark of their own (`stream/name_marks.py`).
3. A span counts where something says that it is a company: its own last word, a capital inside a word, a ticker, who
   leads it, or the words around it (`stream/support.py`).

A false name costs little: it is one of many that are counted, and hardly ever has three bad stories in a week.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files

from stream.chinese_names import chinese_names
from stream.entities import Found
from stream.name_marks import has_inner_capital, is_led, marked_words, up_to_office
from stream.support import Support

__all__ = ["MOST_NAMES", "NameFinder", "is_ordinary"]

MOST_NAMES = 5
"""So many names of one document are kept, in order of their first place."""

_MOST_CHARS = 2_000
"""Who is in trouble is said at the beginning: the rest of a long text is not searched."""
_MOST_NAME_CHARS = 60

_WORD = r"[A-Z][A-Za-z0-9]*(?:[&'’.-][A-Za-z0-9]+)*"
_SPAN = re.compile(rf"(?<![\w$@#/.&'’-]){_WORD}(?: (?:& |of |de )?{_WORD}){{0,4}}")
_POSSESSIVE = re.compile(r"['’]s?$")
_FORMS = "Inc|Corp|Corporation|Co|Ltd|Limited|LLC|LP|PLC|Plc|AG|SE|SA|NV|Group|Holdings?"
_LEGAL = re.compile(rf"(?:,? (?:{_FORMS}|Company))+$")
_ENDING = re.compile(
    rf" (?:{_FORMS}|Bank|Bancorp|Bankshares|Bancshares"
    r"|Financial|Capital|Insurance|Securities|Airlines|Airways|Motors|Pharmaceuticals|Pharma|Therapeutics|Biosciences"
    r"|Energy|Technologies|Systems|Software|Semiconductor|Retail|Stores|Foods|Industries|Partners|Trust|Exchange)$"
)
_TICKER = re.compile(
    r"(?<![\w$])\$([A-Z]{2,5})(?![\w$])|\((?:NASDAQ|Nasdaq|NYSE|AMEX|OTC|LSE)\s?[:：]\s?([A-Z]{1,5})\)"
)
_SENTENCE_START = re.compile(r"(?:^|[.!?:;•|\n。！？：；“”\"‘(\[–—-]) *[\"“‘'(]*$")
_LONG_WORD = re.compile(r"[A-Za-z][\w’'-]{3,}")
_LEAST_SMALL = 0.25
_OPENERS = frozenset(
    re.findall(
        r"\w+",
        "the a an and or but of at by in on for from to with as if is are was were can will did does how why when "
        "what who while after before since until both because like unlike meanwhile today this that these those "
        "it its he she they we you his her their our your no not more most now here there where which some many "
        "several all another last former embattled troubled collapsed failed bankrupt beleaguered inside watch "
        "live exclusive breaking over into than onto upon amid",
    )
)
_TITLES = frozenset(
    re.findall(
        r"\w+",
        "mr mrs ms dr sir lord judge justice president prime minister chancellor secretary senator sen rep "
        "governor gov mayor king queen prince pope chief ceo cfo founder chairman director general democrat "
        "republican professor",
    )
)
_NO_BEGINNINGS = _OPENERS | _TITLES
_CLUES_AGAINST = frozenset(
    re.findall(
        r"\w+",
        "court house department ministry university committee council agency commission administration party army "
        "police office senate congress parliament government union association federation war league cup street "
        "act times post journal news college school hospital church river lake sea island county city state "
        "states reserve fed monday tuesday wednesday thursday friday saturday sunday "
        "nato imf eu un who wto opec oecd ecb boe boj pboc fbi cia nsa fda ftc sec fcc fdic cdc doj irs nasa bbc "
        "hamas hezbollah taliban isis fifa uefa",
    )
)


class NameFinder:
    """Finds candidates. Safe to share between threads: it holds word lists and no state.

    `listed` says of a name whether the watch list has it, as it is written or otherwise.
    """

    def __init__(self, listed: Callable[[str], bool] = lambda _: False) -> None:
        self._kinds = _kinds()
        self._listed = listed

    def find(self, title: str, body: str, mentions: Sequence[Found] = ()) -> tuple[str, ...]:
        """Names of companies that are not in `mentions`, what the watch list found: at most MOST_NAMES. Never raises.

        As the text writes them, less the legal form: "Example Financial Group" and "Example Financial" are one.
        """
        known = {mention.surface.lower() for mention in mentions}
        found: dict[str, None] = {}
        for part in (title[:_MOST_CHARS], body[:_MOST_CHARS]):
            for name in self._in(part):
                if not _watched(name, known) and not self._listed(name):
                    found[name] = None
        kept = [name for name in found if not any(name != other and name in other for other in found)]
        return tuple(kept[:MOST_NAMES])

    def _in(self, text: str) -> Iterator[str]:
        if not text.isascii():
            yield from chinese_names(text)
        if _headline(text):
            yield from (word for word in marked_words(text) if self._may_be([word], opens=False))
        else:
            yield from self._capitalised(text)
        for match in _TICKER.finditer(text):
            yield f"${match[1] or match[2]}"

    def _capitalised(self, text: str) -> Iterator[str]:
        support = Support(text)
        for match in _SPAN.finditer(text):
            words = _POSSESSIVE.sub("", match[0]).split(" ")
            opens = bool(_SENTENCE_START.search(text[max(0, match.start() - 4) : match.start()]))
            before = self._before_name(words, opens=opens)
            start, opens = match.start() + sum(len(word) + 1 for word in words[:before]), opens and not before
            name_words = up_to_office(words[before:])
            span = _POSSESSIVE.sub("", " ".join(name_words))
            opens = opens and not is_led(text, start + len(span))  # "First Harbour" is a name if shares hang on it
            if span and self._may_be(name_words, opens=opens) and self._is(span, start, text, support):
                name = _LEGAL.sub("", span)
                if 2 <= len(name) <= _MOST_NAME_CHARS:
                    yield name

    def _before_name(self, words: Sequence[str], *, opens: bool) -> int:
        """How many of the words have their capital from the beginning of the sentence, or are a title."""
        first = 0
        while first < len(words) and (words[first].lower() in _NO_BEGINNINGS or words[first] == "&"):
            first += 1
        rest = words[first:]
        if opens and len(rest) > 2 and rest[1] == "of" and rest[0].endswith("s"):  # "Shares of", "Customers of"
            return first + 2
        if opens and len(rest) > 1 and has_inner_capital(rest[1]) and self._kinds.get(rest[0].lower()) == "word":
            return first + 1  # "Ousted OpenAI CEO"
        return first

    def _may_be(self, words: Sequence[str], *, opens: bool) -> bool:
        """False for what is no name, or another kind of name."""
        kinds = [self._kinds.get(word.lower()) for word in words]
        lowered = {word.lower() for word in words}
        if lowered & _CLUES_AGAINST or lowered & _TITLES:
            return False
        if len(words) == 1:
            return kinds[0] is None and len(words[0]) > 2 and "." not in words[0]
        if " ".join(words).lower() in self._kinds or all(kind == "place" for kind in kinds):
            return False
        if kinds[0] == "person" and not _ENDING.search(" ".join(words)):
            return False
        return not (opens and all(kind == "word" for kind in kinds) and not _ENDING.search(" ".join(words)))

    @staticmethod
    def _is(span: str, start: int, text: str, support: Support) -> bool:
        """Whether something says that this is a company."""
        end = start + len(span)
        if _ENDING.search(span) or has_inner_capital(span) or is_led(text, end):
            return True
        return support.for_name(start, end, chinese=False)


def is_ordinary(name: str) -> bool:
    """Whether a name is a word, a place or a first name too, or so short in Chinese that it may be any word."""
    return name.lower() in _kinds() or (len(name) <= 2 and any("\u4e00" <= letter <= "\u9fff" for letter in name))


def _watched(name: str, known: set[str]) -> bool:
    """Whether the watch list has it already, whole or as a part."""
    lower = name.lower().removeprefix("$")
    return any(surface in lower or lower in surface for surface in known)


def _headline(text: str) -> bool:
    """True for Title Case and CAPITALS, where a capital letter proves nothing: hardly a longer word without one.

    Capitalised words in a row count once: a long name does not make a headline.
    """
    small = [word[0].islower() for word in _LONG_WORD.findall(text[:300]) if word.lower() not in _OPENERS]
    runs = [is_small for is_small, before in zip(small, [True, *small], strict=False) if is_small or before]
    return bool(sum(runs) < _LEAST_SMALL * len(runs))


@cache
def _kinds() -> dict[str, str]:
    packed = files("stream").joinpath("watchlists", "words.csv.gz").read_bytes()
    rows = csv.reader(io.StringIO(gzip.decompress(packed).decode()))
    return {word: kind for word, kind, *_ in rows}
