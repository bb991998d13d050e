"""The written sentences as training examples, filled alike for the same seed."""

import random
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from model.datasets import Example
from model.labels import RISK_IDS, SENTIMENTS, TOPIC_IDS, TOPIC_INDEX, Sentiment
from model.routing import LANGUAGES, Language
from model.slots import filled

SOURCE: Final = "written"
FILES: Final[dict[Language, str]] = {"en": "english.toml", "zh": "chinese.toml"}
_ALL: Final = tuple(range(len(SENTIMENTS)))


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Templates that all say the same.

    `sentiment` is that of the text, and toward {company} where it names one; `toward` is the sentiment toward each of
    the companies {a} and {b}. `risk` is the one risk event that the text reports, `no_risk` says that it reports none;
    where neither is set, nothing is known.
    """

    templates: tuple[str, ...]
    sentiment: Literal["negative", "neutral", "positive", "not_negative"] | None = None
    risk: str | None = None
    no_risk: bool = False
    toward: dict[Literal["a", "b"], Sentiment] = {}


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language's file: groups of templates, and what fills their slots.

    The forms hold one `{}` for a number. Numbers are decimal, as written in the texts.
    """

    amount_forms: tuple[str, ...]
    amounts: tuple[str, ...]
    percent_forms: tuple[str, ...]
    percents: tuple[str, ...]
    slots: dict[str, tuple[str, ...]]
    groups: tuple[Group, ...]

    def draw(self, rng: random.Random) -> dict[str, str]:
        """Draw two companies, two amounts in one form and two percentages in one form, the smaller first."""
        form, percent_form = rng.choice(self.amount_forms), rng.choice(self.percent_forms)
        less, more = (form.format(one) for one in sorted(rng.sample(self.amounts, 2), key=float))
        low, high = (percent_form.format(one) for one in sorted(rng.sample(self.percents, 2), key=float))
        a, b = rng.sample(self.slots["company"], 2)
        chosen = {"company": a, "a": a, "b": b, "less": less, "more": more, "low": low, "high": high}
        return chosen | {"amount": rng.choice((less, more)), "percent": rng.choice((low, high))}


@cache
def written(language: Language) -> Written:
    """The sentences of a language."""
    return msgspec.toml.decode((Path(__file__).parent / FILES[language]).read_bytes(), type=Written)


def written_examples(*, copies: int, seed: int) -> list[Example]:
    """Fill every template and turn it into what it teaches.

    Texts have the source `written`, questions about a company `written.toward`. What a template gives does not depend
    on the templates beside it.

    Args:
        copies: how often each template is filled; the same filling twice counts once.
        seed: of what fills the slots.
    """
    found: list[Example] = []
    for language in LANGUAGES:
        ours = written(language)
        for group in ours.groups:
            for template in group.templates:
                rng = random.Random(f"{seed}/{language}/{template}")  # noqa: S311 - nothing secret
                fillings: dict[str, list[Example]] = {}
                for _ in range(copies):
                    drawn = ours.draw(rng)
                    (text,) = filled((template,), ours.slots, rng, drawn)
                    fillings[text] = list(_examples(group, template, text, drawn))
                found += (one for examples in fillings.values() for one in examples)
    return found


def _examples(group: Group, template: str, text: str, drawn: Mapping[str, str]) -> Iterator[Example]:
    allowed = _allowed(group.sentiment)
    nothing = np.zeros(len(TOPIC_IDS), dtype=np.float32)
    topics, mask = _risks(group)
    if allowed or mask.any():
        yield Example(text, SOURCE, allowed, _ALL if allowed else (), topics, mask, False)
    about: dict[str, tuple[int, ...]] = {slot: _allowed(sentiment) for slot, sentiment in group.toward.items()}
    if allowed and "{company}" in template:
        about["company"] = allowed
    for slot, answer in about.items():
        yield Example(text, f"{SOURCE}.toward", answer, _ALL, nothing, nothing, False, entity=drawn[slot])


def _allowed(sentiment: str | None) -> tuple[int, ...]:
    if sentiment is None:
        return ()
    if sentiment == "not_negative":
        return tuple(place for place, name in enumerate(SENTIMENTS) if name != "negative")
    return tuple(place for place, name in enumerate(SENTIMENTS) if name == sentiment)


def _risks(group: Group) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The targets of a group and how much each topic counts; `risk_other` is asked where a risk is named."""
    topics = np.zeros(len(TOPIC_IDS), dtype=np.float32)
    mask = np.zeros(len(TOPIC_IDS), dtype=np.float32)
    if group.risk is not None or group.no_risk:
        mask[[TOPIC_INDEX[name] for name in RISK_IDS]] = 1
    if group.risk is not None:
        topics[TOPIC_INDEX[group.risk]] = 1
    else:
        mask[TOPIC_INDEX["risk_other"]] = 0
    return topics, mask
