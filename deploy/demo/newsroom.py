"""The bundled stream: two weeks of invented financial news, and a bank run in its last hour.

`edition(seed, now)` is a pure function: the same seed and moment give the same bytes. Its `truth` says what the
books must show in the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from deploy.demo.broken import broken_records
from deploy.demo.items import Item, Truth
from deploy.demo.wire import Wire
from deploy.demo.words import Tone, companies, crisis
from deploy.demo.writer import Draft, Writer

__all__ = ["SEED", "Edition", "edition"]

SEED = 20_260_101
"""Of the bundled stream. Any other gives other news and the same crisis."""

_PAST = timedelta(days=14)
"""Long enough that a detector knows what is usual before the last day."""

_LIVE = timedelta(hours=5)
_RUN = timedelta(minutes=62)
"""The run starts this long before the stream ends; its last story is 58 minutes in."""

_LATEST = timedelta(hours=20)
"""One item in thirty is found late, up to this much."""

_QUIET_STORIES = 18
_GOOD_DAY_STORIES = 24
_BROKEN_ROUNDS = 4
_OVERSIZED_CHARS = 10_000_000


@dataclass(frozen=True, slots=True)
class Edition:
    """`history` gives detectors a past and is fed as fast as it goes; `live`, with the crisis, at a pace."""

    history: tuple[Item, ...]
    live: tuple[Item, ...]
    crisis_entity: str
    crisis_began: datetime

    @property
    def truth(self) -> Truth:
        """What the books must say when all of it has been read."""
        return Truth.of(self.history + self.live)


def edition(seed: int, now: datetime, *, stories: int = 1_400) -> Edition:
    """A stream that ends at `now` (aware). `stories` is how many ordinary ones there are before reprints.

    No item is published or due after `now`. Items are in order of arrival, which is not that of publication.
    """
    rng = Random(seed)  # noqa: S311 - a reproducible stream, not a secret
    drafts = _drafts(rng, Writer(rng), now, stories)
    items = _items(rng, Wire(rng), drafts, now)
    items.sort(key=lambda item: item.due)
    began = now - _LIVE
    return Edition(
        history=tuple(item for item in items if item.due < began),
        live=tuple(item for item in items if item.due >= began),
        crisis_entity=crisis().entity_id,
        crisis_began=now - _RUN,
    )


def _drafts(rng: Random, writer: Writer, now: datetime, stories: int) -> list[Draft]:
    """All stories and their reprints, in no order."""

    def moment(earliest: timedelta, latest: timedelta) -> datetime:
        return now - timedelta(seconds=int(rng.uniform(latest.total_seconds(), earliest.total_seconds())))

    scene, busiest = crisis(), max(companies(), key=lambda company: company.pace)
    originals = [writer.ordinary(moment(_PAST, timedelta(minutes=4))) for _ in range(stories)]
    originals += [
        writer.of_a_quiet_bank(rng.choice(scene.quiet), moment(_PAST, timedelta(hours=6)))
        for _ in range(_QUIET_STORIES)
    ]
    # A product launch: a surge of news that is not bad, and must leave everyone asleep.
    good: tuple[tuple[Tone, float], ...] = (("good", 0.6), ("plain", 0.4))
    originals += [
        writer.about(busiest, moment(timedelta(hours=31), timedelta(hours=30)), tones=good)
        for _ in range(_GOOD_DAY_STORIES)
    ]
    originals += [writer.of_the_bank(beat, now - _RUN + timedelta(minutes=beat.minute)) for beat in scene.beats]
    reprints = []
    for draft in originals:
        for _ in range(_times_reprinted(rng, draft, now)):
            at = draft.published + timedelta(seconds=rng.randint(60, 900))
            reprints.append(writer.reprint(draft, min(at, now - timedelta(minutes=2))))
    return originals + reprints


def _times_reprinted(rng: Random, draft: Draft, now: datetime) -> int:
    in_the_run = draft.crisis and draft.published >= now - _RUN
    return rng.choices((0, 1, 2), (0.35, 0.45, 0.20) if in_the_run else (0.90, 0.08, 0.02))[0]


def _items(rng: Random, wire: Wire, drafts: list[Draft], now: datetime) -> list[Item]:
    """The drafts as bytes, with the repeats and the broken records among them."""

    def due(at: datetime, *, late: bool) -> datetime:
        delay = rng.uniform(0.05, 1.0) * min(_LATEST, now - at) if late else timedelta(seconds=rng.uniform(2, 90))
        return min(at + delay, now)

    items = []
    for draft in drafts:
        item = wire.item(draft, due(draft.published, late=not draft.crisis and rng.random() < 0.03))
        items.append(item)
        if rng.random() < 0.05:
            items.append(wire.again(item, due(item.due, late=rng.random() < 0.3)))
    for _ in range(_BROKEN_ROUNDS):
        for broken in broken_records(rng):
            at = now - timedelta(seconds=rng.uniform(120, _PAST.total_seconds()))
            items.append(Item(due=at, value=broken.value, fate="dead", headers=broken.headers, reason=broken.reason))
    big = Draft("coastwire", "Annual report in full", "", "en", now - timedelta(hours=9), serial=99_999)
    items.append(wire.oversized(big, now - timedelta(hours=9), size=_OVERSIZED_CHARS))
    return items
