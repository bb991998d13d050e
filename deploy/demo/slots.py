"""Fills the slots of a template.

Slots: {company} {product} {unit} {city} {house} {person} {role} {quarter} {month} {weekday} {updown} {money}
{pct} {share} {n} {small} {years} {days}. A slot used twice keeps its value, so that headline and lead agree with each
other; lines of context have slots of their own, on the same product and unit.
"""

from __future__ import annotations

from random import Random

from deploy.demo.words import Company, Tone, Vocabulary, Written, vocabulary

__all__ = ["Slots"]

_PLURALS = {
    "city": "cities",
    "house": "houses",
    "person": "people",
    "role": "roles",
    "quarter": "quarters",
    "month": "months",
    "weekday": "weekdays",
    "updown": "updown",
}

_PERCENT: dict[Tone, tuple[float, float]] = {"good": (1.1, 14.0), "plain": (0.1, 4.0), "bad": (0.3, 2.6)}
"""Bad news about real companies stays mild, also in its numbers."""


class Slots(dict[str, str]):
    """The values of one story's slots, each drawn when it is first asked for."""

    def __init__(self, rng: Random, language: Written, *, company: Company | None = None, tone: Tone = "plain") -> None:
        super().__init__()
        self._rng, self._language = rng, language
        self._words: Vocabulary = vocabulary(language)
        self._tone: Tone = tone
        sector = company.sector if company else rng.choice(sorted(self._words.sectors))
        products, units = self._words.sectors[sector]
        self["product"], self["unit"] = rng.choice(products), rng.choice(units)
        if company:
            self["company"] = company.name
        if tone != "plain":  # else a share might rise on the news that it fell
            self["updown"] = self._words.fillers["updown"][tone == "bad"]

    def fill(self, template: str) -> str:
        """The template with its slots filled. Raises KeyError for a slot that does not exist."""
        return template.format_map(self)

    def aside(self) -> Slots:
        """Slots for the lines around the story: other numbers and people, the same subject."""
        slots = Slots(self._rng, self._language, tone=self._tone)
        slots.update({name: self[name] for name in ("product", "unit", "company", "updown") if name in self})
        return slots

    def __missing__(self, name: str) -> str:
        value = self._rng.choice(self._words.fillers[_PLURALS[name]]) if name in _PLURALS else self._number(name)
        self[name] = value
        return value

    def _number(self, name: str) -> str:
        rng = self._rng
        match name:
            case "money":
                return rng.choice(self._words.fillers["money"]).format(a=rng.randint(1, 9), b=rng.randint(1, 9))
            case "pct":
                return f"{rng.uniform(*_PERCENT[self._tone]):.1f}%"
            case "share":
                return f"{rng.randint(8, 74)}%"
            case "n":
                return str(rng.randint(4, 240) * 10)
            case "small" | "years":
                return str(rng.randint(4, 9))
            case "days":
                return str(rng.randint(20, 95))
        raise KeyError(name)
