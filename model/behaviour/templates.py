"""The suite's own sentences, read from the TOML files beside this module."""

import random
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final, Literal

import msgspec

from model.routing import Language
from model.slots import filled

FILES: Final[dict[Language, str]] = {"en": "english.toml", "zh": "chinese.toml"}


class Mft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Templates that all have one answer."""

    capability: str
    expected: Literal["negative", "neutral", "positive", "not_negative"]
    templates: tuple[str, ...]


class Dir(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pairs of templates; the second must score as `direction` says beside the first."""

    capability: str
    direction: Literal["lower", "higher", "no_stronger"]
    pairs: tuple[tuple[str, str], ...]


class Mixed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Templates with two companies, one of good and one of bad news."""

    templates: tuple[str, ...]


class Sentences(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bases of the invariances, by what they say."""

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    neutral: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every base."""
        return self.positive + self.negative + self.neutral


class Templates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language's file. `slots` maps a slot to what may fill it."""

    slots: dict[str, tuple[str, ...]]
    mft: tuple[Mft, ...]
    dir: tuple[Dir, ...]
    mixed: tuple[Mixed, ...]
    sentences: Sentences

    def fill(self, template: str, rng: random.Random, **given: str) -> str:
        """Fill a template with what is given and, for the rest, at random."""
        return self.fill_alike((template,), rng, **given)[0]

    def fill_alike(self, templates: tuple[str, ...], rng: random.Random, **given: str) -> tuple[str, ...]:
        """Fill several templates, the same slot always with the same words."""
        return filled(templates, self.slots, rng, given)


@cache
def templates(language: Language) -> Templates:
    """The sentences of a language."""
    return msgspec.toml.decode((Path(__file__).parent / FILES[language]).read_bytes(), type=Templates)


@cache
def names() -> dict[Language, dict[str, tuple[str, ...]]]:
    """Company names by language and region."""
    content = (Path(__file__).parent / "names.toml").read_bytes()
    return msgspec.toml.decode(content, type=dict[Language, dict[str, tuple[str, ...]]])


def amounts(language: Language) -> list[tuple[str, str]]:
    """Pairs of amounts, the smaller first, as (less, more)."""
    form = {"en": "EUR {} million", "zh": "{}万元"}[language]
    figures = ("2.1", "8.4", "13.6", "57.3")
    return [
        (form.format(less), form.format(more)) for less, more in product(figures, figures) if float(less) < float(more)
    ]
