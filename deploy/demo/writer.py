"""Writes the stories: about one of the cast, about the economy, about the bank, and reprints of what others wrote."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from deploy.demo.slots import Slots
from deploy.demo.words import Beat, Company, Quiet, Tone, Written, companies, elsewhere, vocabulary

__all__ = ["Draft", "Writer"]

_SOURCES: dict[Written, tuple[str, ...]] = {
    "en": ("coastwire", "morning-ledger", "exchange-post", "the-quay", "alpine-markets", "northern-desk"),
    "zh": ("jiangwan-caijing", "huaxi-zaobao", "beichen-kuaixun", "lanting-shangye", "yunling-wang"),
}

_TONES: tuple[tuple[Tone, float], ...] = (("good", 0.40), ("plain", 0.54), ("bad", 0.06))
"""On an ordinary day one story in sixteen is bad news."""

_SIGNS_OFF = {
    "en": (
        "(Compiled from agency reports.)",
        "This is an updated version of an earlier report.",
        "Copyright reserved.",
    ),
    "zh": ("（综合报道）", "（责任编辑：{person}）", "本文为转载，不代表本站立场。"),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A clean story before it goes on the wire. `published` is aware UTC."""

    source: str
    title: str
    body: str
    language: str
    published: datetime
    serial: int
    crisis: bool = False

    @property
    def written(self) -> Written:
        """The language whose sources and phrases suit the story."""
        return "zh" if self.language.startswith("zh") else "en"


class Writer:
    """Everything comes from `rng`, so one seed gives one stream."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._serial = 100_000
        self._cast = companies()
        self._paces = [company.pace for company in self._cast]

    def ordinary(self, at: datetime) -> Draft:
        """What an ordinary day brings: mostly the cast, some economy, a little from elsewhere."""
        kind = self._rng.random()
        if kind < 0.80:
            return self.about(self._rng.choices(self._cast, self._paces)[0], at)
        if kind < 0.92:
            return self._economy(at)
        return self._elsewhere(at)

    def about(self, company: Company, at: datetime, *, tones: tuple[tuple[Tone, float], ...] = _TONES) -> Draft:
        """A story about one company, in a tone drawn from `tones` (tone, weight)."""
        rng, words = self._rng, vocabulary(company.language)
        tone = rng.choices([tone for tone, _ in tones], [weight for _, weight in tones])[0]
        kind = rng.choice([kind for kind in words.kinds if kind.tone == tone])
        slots = Slots(rng, company.language, company=company, tone=tone)
        title, lead = slots.fill(rng.choice(kind.headlines)), slots.fill(rng.choice(kind.leads))
        aside = slots.aside()
        lines = [lead, *(aside.fill(line) for line in rng.sample(words.context, rng.randint(0, 3)))]
        return self._draft(company.language, title, (" " if company.language == "en" else "").join(lines), at)

    def of_the_bank(self, story: Beat, at: datetime) -> Draft:
        """One story of the bank run."""
        draft = self._draft("zh" if story.language.startswith("zh") else "en", story.headline, story.body, at)
        return replace(draft, language=story.language, crisis=True)

    def of_a_quiet_bank(self, story: Quiet, at: datetime) -> Draft:
        """A dull story about the bank, from before the run."""
        slots = Slots(self._rng, story.language, tone="bad")
        title, body = slots.fill(story.headline), slots.fill(story.body)
        return replace(self._draft(story.language, title, body, at), crisis=True)

    def reprint(self, draft: Draft, at: datetime) -> Draft:
        """The same story in another paper: another title or sign-off, the wording a little altered."""
        rng = self._rng
        slots = Slots(rng, draft.written)
        body = draft.body + (" " if draft.written == "en" else "") + slots.fill(rng.choice(_SIGNS_OFF[draft.written]))
        title = draft.title
        if rng.random() < 0.6:
            title = f"UPDATE {rng.randint(1, 3)}-{title}" if draft.written == "en" else f"【转载】{title}"
        again = self._draft(draft.written, title, body, at)
        other = [source for source in _SOURCES[draft.written] if source != draft.source]
        return replace(again, source=rng.choice(other), language=draft.language, crisis=draft.crisis)

    def _economy(self, at: datetime) -> Draft:
        language: Written = self._rng.choice(("en", "zh"))
        words, slots = vocabulary(language), Slots(self._rng, language)
        title, leads = self._rng.choice(words.macro_headlines), self._rng.sample(words.macro_leads, 2)
        return self._draft(language, slots.fill(title), slots.fill((" " if language == "en" else "").join(leads)), at)

    def _elsewhere(self, at: datetime) -> Draft:
        kind = self._rng.choice(("traditional", "others"))
        title, body = self._rng.choice(elsewhere()[kind])
        slots = Slots(self._rng, "zh" if kind == "traditional" else "en")
        draft = self._draft("zh" if kind == "traditional" else "en", slots.fill(title), slots.fill(body), at)
        return replace(draft, language="zh-Hant" if kind == "traditional" else "other")

    def _draft(self, language: Written, title: str, body: str, at: datetime) -> Draft:
        self._serial += 1
        source = self._rng.choice(_SOURCES[language])
        return Draft(source, title, body, "zh-Hans" if language == "zh" else "en", at, self._serial)
