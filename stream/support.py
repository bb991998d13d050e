"""Does the document speak of a company here, or does it use the word? Evidence near a name that is a word too.

Strong: a legal form or a title of office hangs on the name ("Ford Motor Co", "Gap Inc.", "Visa CEO", 机器人公司).
Weaker: words of markets close by; enough only where the name is capitalised for its own sake, and is not a part of a
longer name ("Harrison Ford", "Ford Theatre").
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import cached_property

__all__ = ["Support", "is_market_word"]

_NEAR_CHARS = 90
_NEAR_HAN = 30

_ATTACHED = re.compile(
    r"(?:['’]s)?,?\s+(?:Inc|Corp|Corporation|Co|Company|Ltd|Limited|PLC|Plc|plc|LLC|LP|AG|SE|SA|NV|AB|Group|Holdings?"
    r"|Motor|Motors|Financial|Bancorp|Technologies|Systems|Stores|Brands|Platforms"
    r"|CEO|CFO|COO|CTO|chief executive|chief financial|chairman|chairwoman|spokes\w+|executives?|shares?|stock"
    r"|shareholders?|investors?|employees|workers|bonds?|analysts?|strategists?|economists?|traders?"
    r"|earnings|profits?|revenues?|sales|results|guidance)\b"
)
_OWNS = re.compile(
    r"['’]s\s+(?:[\w-]+\s+){0,2}?(?:sales|business|products?|app|software|cloud|chips?|smartphones?|cars?|vehicles?|stores"
    r"|plants?|factory|factories|deal|offer|bid|board|management|founder|owner|parent|unit|fine|lawsuit|quarter)\b"
)
_ACTS = re.compile(
    r"\s+(?:says?|said|reports?|reported|posts|posted|beats|misses|missed|unveils|unveiled|launches|launched|announces"
    r"|announced|sues|sued|acquires|acquired|buys|cuts?|slashes|plans|agrees to|agreed to|hires|hired|names|files|filed"
    r"|recalls|recalled|raises|raised|lowers|warns|warned|forecasts|expects|shares|stock|strikes|struggles|slows|adds"
    r"|opens|fires|delays|pauses|halts|expands|signs|sells|invests|faces|wants|aims|seeks|pulls|loses|wins|considers"
    r"|confirms|denies|is being sued|to (?:cut|buy|sell|pay|raise|lay|acquire|launch|close|open|invest|recall|build"
    r"|report|hire|spin|merge|offer|stop|start|end|slow|delay|pause|halt|expand|sign|spend|reduce|shut|boost|produce))\b",
    re.IGNORECASE,
)
_IS_SOMEBODY = re.compile(r"['’]s\s|\s(?:is|was|has|will|would|could|may|might)\s")
_ARTICLE = re.compile(r"\b(?:the|a|an)\s$", re.IGNORECASE)
_MARKET = re.compile(
    r"\b(?:shares?|stocks?|stockholders?|shareholders?|earnings|profits?|revenues?|quarter(?:ly)?|analysts?|investors?"
    r"|dividends?|buyback|IPO|CEO|CFO|chief executive|billionaire|Wall Street|Nasdaq|NYSE|S&P 500|Dow Jones|valuation"
    r"|market cap(?:italization|italisation)?|antitrust|regulators?|takeover|acquisition|merger|bankruptcy|layoffs"
    r"|recall|downgrade[sd]?|upgrade[sd]?|price targets?"
    r"|guidance|forecast|bondholders|company|companies|automaker|carmaker"
    r"|retailers?|chipmaker|drugmaker|tech giant|giants?|lender|insurer|startup|rival|supplier|EPS)\b",
    re.IGNORECASE,
)
_MARKET_ZH = re.compile(
    "[涨跌漲]|债务|债券|违约|股票|股价|股份"
    "|公司|集团|净利润|净利|营收|营业收入|业绩|股东|董事长|董事会|总裁|年报|季报|半年报|财报|公告"
    "|收购|并购|重组|减持|增持|分红|派息|融资|定增|上市|A股|港股|个股|概念股|龙头|板块|市值|研报|评级"
    "|买入|证券代码|中标|停牌|复牌|股價|公司|集團|淨利|營收|業績|股東|董事長|財報|公告|收購|併購|減持|增持|融資|市值"
)
_ATTACHED_ZH = re.compile(
    r"\s*(?:[:：]|[(（]\s?(?:[A-Z]{2})?\d{6}|的?(?:股价|股價|股份|公司|集团|集團|净利|淨利|营收|營收|业绩|業績|市值|债|債|股票|股东|股東"
    "|董事|高管|总裁|財報|财报|年报|公告)|发布|發布|宣布|表示|回应|回應|涨|跌|漲|拟|擬|将|將|称|稱|遭|被|获|獲)"
)
_HAN_OR_WORD = re.compile(r"\w")
_ZH_LINKS = frozenset("与和及对與對")
_GAPS = range(1, 8)
"""So wide may be what stands between two names of a list."""
_LIST_GAP = re.compile(r"\s*(?:,|&|/|、|,?\s(?:and|or|vs\.?)|和|与|及)\s*")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;•|\n。！？：；“”\"‘(\[-])\s*[\"“‘'(]*$")
_WORD_BEFORE = re.compile(r"([\w’'-]+)\s$")
_WORD_AFTER = re.compile(r"\s([A-Z][\w’'-]*)")
_OPENERS = frozenset(
    re.findall(
        r"\w+",
        "the a an and or but of at by in on for from to with as if is are was were can will did does how why when what"
        " while after before since until both because rival parent maker giant like unlike meanwhile today",
    )
)
"""Words that open a sentence before a company's name; any other capitalised word may be a first name."""
_TITLE_CASE_SHARE = 0.6


def is_market_word(word: str) -> bool:
    """True for words that are evidence themselves, and so can be no company's name ("Investor")."""
    return _MARKET.fullmatch(word) is not None


class Support:
    """Evidence in one text. Positions are those of `text`."""

    def __init__(self, text: str) -> None:
        self._text = text

    def for_name(self, start: int, end: int, *, chinese: bool) -> bool:
        """True where the name at `text[start:end]` means the company."""
        if chinese:
            return self._for_chinese(start, end)
        if not self._text[start].isupper() and not self._text[start].isdigit():
            return False
        after = self._text[end : end + 40]
        if _ATTACHED.match(after):
            return not self._first_name_before(start)
        if self._in_longer_name(start, end):
            return False
        if _ACTS.match(after) or _OWNS.match(after):
            return True
        if self._is_proper_name(start, after):
            return True
        if self._headline:
            return self.market_words(start, end)
        return self.market_words(start, end) and not self._starts_sentence(start, after)

    def _for_chinese(self, start: int, end: int) -> bool:
        """A word that is a name too must begin where a word can begin (工智 is inside 人工智能), and either carry
        the mark of a company or stand alone near words of markets."""
        before, after = self._text[max(0, start - 1) : start], self._text[end : end + 8]
        if before and _HAN_OR_WORD.match(before) and before not in _ZH_LINKS:
            return False
        if _ATTACHED_ZH.match(after):
            return True
        near = self._text[max(0, start - _NEAR_HAN) : start] + "\n" + self._text[end : end + _NEAR_HAN]
        alone = not after or not _HAN_OR_WORD.match(after) or after[0] in _ZH_LINKS
        return alone and bool(_MARKET_ZH.search(near))

    def listed_with(self, start: int, end: int, starts: Set[int], ends: Set[int]) -> bool:
        """True where the name stands in one list with a company that is certain: "Apple and Microsoft".

        `starts` and `ends` are the places where names of certain companies start and end.
        """
        text = self._text
        if not text[start].isupper():
            return False
        gaps = [text[end : end + width] for width in _GAPS if end + width in starts]
        gaps += [text[start - width : start] for width in _GAPS if start - width in ends]
        return any(map(_LIST_GAP.fullmatch, gaps))

    def market_words(self, start: int, end: int) -> bool:
        """True where words of markets stand close by, in English or Chinese."""
        near = self._text[max(0, start - _NEAR_CHARS) : start] + "\n" + self._text[end : end + _NEAR_CHARS]
        return bool(_MARKET.search(near) or _MARKET_ZH.search(near))

    @cached_property
    def _headline(self) -> bool:
        """True for Title Case and for CAPITALS, where a capital letter proves nothing."""
        words = [word for word in re.findall(r"[A-Za-z][\w’'-]*", self._text[:300]) if len(word) > 3]
        return bool(words) and sum(word[0].isupper() for word in words) >= _TITLE_CASE_SHARE * len(words)

    def _is_proper_name(self, start: int, after: str) -> bool:
        """True where the name, capitalised for its own sake and without an article, acts like somebody."""
        if self._headline or self._starts_sentence(start, ""):
            return False
        return bool(_IS_SOMEBODY.match(after)) and not _ARTICLE.search(self._text[max(0, start - 5) : start])

    def _starts_sentence(self, start: int, after: str) -> bool:
        """True where the name has its capital from the beginning of a sentence only: "Shell companies"."""
        return bool(_SENTENCE_START.search(self._text[max(0, start - 4) : start])) and not after.startswith(
            ("'s", "’s")
        )

    def _in_longer_name(self, start: int, end: int) -> bool:
        """True between other capitalised words, unless the whole text is written so."""
        if self._headline:
            return False
        after = _WORD_AFTER.match(self._text[end : end + 40])
        return self._first_name_before(start) or (after is not None and not after[1].isupper())

    def _first_name_before(self, start: int) -> bool:
        """True after a capitalised word in the same sentence: "Harrison Ford". Headlines cannot tell."""
        if self._headline:
            return False
        before = _WORD_BEFORE.search(self._text[max(0, start - 40) : start])
        if before is None or not before[1][0].isupper() or before[1].isupper() or before[1].lower() in _OPENERS:
            return False
        return not _MARKET.fullmatch(before[1])
