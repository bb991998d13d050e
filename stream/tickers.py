"""Tickers as text writes them: `$AAPL`, `NASDAQ: AAPL`, `(AAPL)`, `HSBA.L`, `600519.SH`, `SH600519`, `600519`.

Most notations say by themselves that a ticker is meant; `(IT)`, `600519` and bare `BAC` need support. Bare tickers that
are words, or shorter than three letters, are never taken: `AI`, `IT`, `ALL` are words in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from stream.watchlist import Entity

__all__ = ["Ticker", "TickerFinder"]

# Chinese letters may touch a ticker ("买入AAPL"), Latin ones may not: so [A-Za-z0-9], where \w would be shorter.
_CASHTAG = re.compile(r"(?<![\w$])\$([A-Z]{1,5}(?:[.-][A-Z])?)(?![A-Za-z0-9_$])")
_EXCHANGE = re.compile(
    r"(?<![A-Za-z])(?:NASDAQ|Nasdaq|NYSE(?: American| Arca)?|AMEX|LSE|LON|OTC|SSE|SZSE|SHA|SHE|TYO|TSE|ETR|FRA|EPA|AMS)"
    r"\s?[:：]\s?([A-Z0-9]{1,6}(?:[.-][A-Z])?)(?![A-Za-z0-9])"
)
_DOTTED = re.compile(
    r"(?<![A-Za-z0-9.$])([A-Z0-9]{1,6}(?:-[A-Z])?)\.(SH|SS|SZ|BJ|XSHG|XSHE|US|OQ|[A-Z]{1,2})(?![A-Za-z0-9])"
)
_PREFIXED = re.compile(r"(?<![A-Za-z0-9])(SH|SZ|BJ|sh|sz|bj)\.?(\d{6})(?!\d)")
_BRACKETED = re.compile(r"[(（\[]\s?([A-Z]{1,5}(?:[.-][A-Z])?|\d{6})\s?[)）\]]")
_BARE = re.compile(r"(?<![A-Za-z0-9_$.#@/-])([A-Z]{3,5}|\d{6})(?![A-Za-z0-9_.%-]|,\d|\s?(?:元|股|万|亿|人))")
_CAPITALS = re.compile(r"[A-Z]{2,}")
_CHINESE_MARKETS = {"SS": "SH", "XSHG": "SH", "XSHE": "SZ"}
_AMERICAN_MARKETS = {"US", "O", "N", "OQ"}
_LEAST_BARE = 4
_LEAST_BRACKETED = 3


class Ticker(msgspec.Struct, frozen=True):
    """A ticker of a watched company at `text[start:end]`."""

    entity_id: str
    start: int
    end: int
    certain: bool
    """The notation alone says that it is a ticker; otherwise words of markets close by must."""


class TickerFinder:
    """Knows the tickers of a watch list in every notation."""

    def __init__(self, entities: Sequence[Entity]) -> None:
        self._full: dict[str, str] = {}
        self._bare: dict[str, str] = {}
        self._codes: dict[str, str] = {}
        self._words: set[str] = set()
        for entity in entities:
            self._words.update(entity.ambiguous)
            for ticker in entity.tickers:
                self._full.setdefault(ticker, entity.entity_id)
                code, _, market = ticker.rpartition(".")
                if market in ("SH", "SZ", "BJ") and code.isdigit():
                    self._codes.setdefault(code, entity.entity_id)
                elif not code:
                    self._bare.setdefault(ticker, entity.entity_id)

    def find(self, text: str) -> list[Ticker]:
        """Every watched ticker in the text, in no particular order; one place may be told twice."""
        found: list[Ticker] = []

        def add(entity_id: str | None, match: re.Match[str], group: int, *, certain: bool) -> None:
            if entity_id is not None:
                found.append(Ticker(entity_id, match.start(group), match.end(group), certain))

        if "$" in text:
            for match in _CASHTAG.finditer(text):
                add(self._american(match[1]), match, 0, certain=True)
        for match in _EXCHANGE.finditer(text):
            add(self._american(match[1]) or self._codes.get(match[1]), match, 1, certain=True)
        if "." in text:
            for match in _DOTTED.finditer(text):
                add(self._dotted(match[1], match[2]), match, 0, certain=True)
        for match in _PREFIXED.finditer(text):
            add(self._full.get(f"{match[2]}.{match[1].upper()}"), match, 0, certain=True)
        for match in _BRACKETED.finditer(text):
            code = match[1]
            sure = code.isdigit() or (len(code) >= _LEAST_BRACKETED and code not in self._words)
            add(self._codes.get(code) or self._american(code), match, 1, certain=sure)
        shouting = text.isupper() and len(_CAPITALS.findall(text)) > 3
        for match in _BARE.finditer(text):
            code = match[1]
            if code.isdigit():
                add(self._codes.get(code), match, 1, certain=False)
            elif not shouting and code not in self._words:
                long = len(code) >= _LEAST_BARE
                add(self._bare.get(code), match, 1, certain=long)
        return found

    def _american(self, ticker: str) -> str | None:
        return self._bare.get(ticker) or self._bare.get(ticker.replace(".", "-"))

    def _dotted(self, code: str, market: str) -> str | None:
        market = _CHINESE_MARKETS.get(market, market)
        known = self._full.get(f"{code}.{market}") or self._full.get(f"{code.replace('-', '.')}.{market}")
        return known or (self._bare.get(code) if market in _AMERICAN_MARKETS else None)
