"""The newsroom's stock of words: templates, slot fillers, companies and the crisis, read from the files beside it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

__all__ = ["Beat", "Company", "Kind", "Quiet", "Scene", "Vocabulary", "companies", "crisis", "elsewhere", "vocabulary"]

Written = Literal["en", "zh"]
Tone = Literal["good", "plain", "bad"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of story: a headline and a lead of the same kind belong together."""

    name: str
    tone: Tone
    headlines: tuple[str, ...]
    leads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All that is needed to write in one language. `sectors` gives (products, units) by sector."""

    kinds: tuple[Kind, ...]
    context: tuple[str, ...]
    macro_headlines: tuple[str, ...]
    macro_leads: tuple[str, ...]
    fillers: dict[str, tuple[str, ...]]
    sectors: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Company:
    """One of the cast. `pace` is its share of the news, relative to the others."""

    name: str
    language: Written
    sector: str
    pace: int


@dataclass(frozen=True, slots=True)
class Beat:
    """One story of the crisis, `minute` minutes after the first rumour."""

    minute: int
    language: str
    headline: str
    body: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """A template of the bank's dull days."""

    language: Written
    headline: str
    body: str


@dataclass(frozen=True, slots=True)
class Scene:
    """The bank that fails: its id in watchlist.csv, its run, and what was written about it before."""

    entity_id: str
    beats: tuple[Beat, ...]
    quiet: tuple[Quiet, ...]


@cache
def vocabulary(language: Written) -> Vocabulary:
    """The templates and fillers of one language."""
    stories = _read({"en": "english.toml", "zh": "chinese.toml"}[language])
    slots = _read("slots.toml")[language]
    macro = stories["macro"][0]
    return Vocabulary(
        kinds=tuple(
            Kind(kind["name"], kind["tone"], tuple(kind["headlines"]), tuple(kind["leads"])) for kind in stories["kind"]
        ),
        context=tuple(stories["context"]),
        macro_headlines=tuple(macro["headlines"]),
        macro_leads=tuple(macro["leads"]),
        fillers={name: tuple(words) for name, words in slots.items() if name != "sectors"},
        sectors={name: (tuple(products), tuple(units)) for name, (products, units) in slots["sectors"].items()},
    )


@cache
def companies() -> tuple[Company, ...]:
    """The cast, each in the language in which it is written about."""
    return tuple(
        Company(name, language, entry["sector"], entry["pace"])
        for entry in _read("companies.toml")["company"]
        for language, name in entry["names"].items()
    )


@cache
def crisis() -> Scene:
    """The bank run and the quiet days before it."""
    told = _read("crisis.toml")
    return Scene(
        entity_id="DEMO:HRBL",
        beats=tuple(Beat(**beat) for beat in told["story"]),
        quiet=tuple(Quiet(**quiet) for quiet in told["quiet"]),
    )


@cache
def elsewhere() -> dict[str, tuple[tuple[str, str], ...]]:
    """(headline, body) templates in traditional Chinese (`traditional`) and in other languages (`others`)."""
    return {name: tuple((pair[0], pair[1]) for pair in pairs) for name, pairs in _read("elsewhere.toml").items()}


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))
