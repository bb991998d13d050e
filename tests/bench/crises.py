"""Documents that raise an alarm: three bad stories about a company that nobody has said anything about so far.

They are made from the negative sentences written for training, about real companies of the watch list; what intake and
model make of each is looked at beforehand, so that a crisis which does not fire has another reason.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from texts import text_of

from model.classifier import Classifier
from model.labels import SENTIMENTS
from model.routing import language_of
from model.written import written_examples
from stream.documents import RawDocument
from stream.entities import EntityLinker
from stream.watchlist import Entity, load

__all__ = ["STORIES", "Crisis", "crises", "named"]

STORIES = 3
"""The fewest negative stories that are an alarm; a company without a past needs no more."""

_SENTENCES = 3
_NEGATIVE = (SENTIMENTS.index("negative"),)


@dataclass(frozen=True)
class Crisis:
    """A company and the stories that raise its alarm, the last of them being the one that does."""

    entity_id: str
    stories: tuple[RawDocument, ...]


def crises(count: int, *, avoid: Collection[str], classifier: Classifier, seed: int = 3) -> list[Crisis]:
    """`count` crises of different companies, none of `avoid`. Raises ValueError where the list has not so many."""
    watched = load()
    linker, draw = EntityLinker(watched), random.Random(seed)
    sentences = _sentences()
    found: list[Crisis] = []
    for entity in draw.sample(watched, len(watched)):
        if len(found) == count:
            return found
        if entity.entity_id in avoid or not entity.name.isascii():
            continue
        stories = tuple(_stories(entity, sentences, draw))
        if all(_about(entity, story, linker, classifier) for story in stories):
            found.append(Crisis(entity.entity_id, stories))
    raise ValueError(f"only {len(found)} of {count} companies have stories that are sure to be read as bad news")


def named(documents: Sequence[RawDocument]) -> set[str]:
    """The companies that documents name."""
    linker = EntityLinker(load())
    return {one.entity_id for document in documents for one in linker.link(text_of(document))}


def _stories(entity: Entity, sentences: Sequence[tuple[str, str]], draw: random.Random) -> Iterator[RawDocument]:
    for number in range(STORIES):
        told = [text.replace(company, entity.name) for text, company in draw.sample(sentences, _SENTENCES)]
        yield RawDocument(
            source=f"bench-{number}",
            guid=f"crisis-{entity.entity_id}-{number}",
            title=told[0],
            body=" ".join(told[1:]),
        )


def _sentences() -> list[tuple[str, str]]:
    """Negative sentences about one company, and what they call it."""
    return [
        (one.text, one.entity)
        for one in written_examples(copies=1, seed=0)
        if one.entity and one.allowed == _NEGATIVE and one.text.count(one.entity) == 1 and language_of(one.text) == "en"
    ]


def _about(entity: Entity, story: RawDocument, linker: EntityLinker, classifier: Classifier) -> bool:
    """Whether the story names this company alone and reads as bad news."""
    text = text_of(story)
    if [one.entity_id for one in linker.link(text)] != [entity.entity_id]:
        return False
    return classifier.predict([text])[0].label == "negative"
