"""All cases of the behavioural suite: templates filled and sentences perturbed, the same for the same seed."""

import random
from collections.abc import Iterator
from typing import Final

from model.behaviour.cases import Case, Expected, Question
from model.behaviour.perturbations import PERTURBATIONS
from model.behaviour.templates import Templates, amounts, names, templates
from model.routing import LANGUAGES, Language

FILLINGS: Final = 5  # of each template
NAMES_A_GROUP: Final = 2  # swapped into each sentence


def suite(*, seed: int = 0) -> list[Case]:
    """Generate the cases of both languages; no case comes twice."""
    found: dict[Case, None] = {}
    for language in LANGUAGES:
        ours = templates(language)
        for make in (_functions, _directions, _mixed, _perturbed, _renumbered, _swapped):
            # Each part has its own generator: a template added to one leaves the others as they were.
            rng = random.Random(f"{seed}/{language}/{make.__name__}")  # noqa: S311 - nothing secret
            found.update(dict.fromkeys(make(ours, language, rng)))
    return list(found)


def _functions(ours: Templates, language: Language, rng: random.Random) -> Iterator[Case]:
    for group in ours.mft:
        for template in group.templates:
            for _ in range(FILLINGS):
                less, more = rng.choice(amounts(language))
                text = ours.fill(template, rng, less=less, more=more)
                yield Case(group.capability, language, Expected(group.expected), Question(text))


def _directions(ours: Templates, language: Language, rng: random.Random) -> Iterator[Case]:
    for group in ours.dir:
        for pair in group.pairs:
            for _ in range(FILLINGS):
                base, asked = ours.fill_alike(pair, rng)
                expected = Expected(group.direction)
                yield Case(group.capability, language, expected, Question(asked), Question(base))


def _mixed(ours: Templates, language: Language, rng: random.Random) -> Iterator[Case]:
    for group in ours.mixed:
        for template in group.templates:
            for _ in range(FILLINGS):
                good, bad = rng.sample(ours.slots["company"], 2)
                text = ours.fill(template, rng, good=good, bad=bad)
                yield Case("mixed_entities", language, Expected.positive, Question(text, good))
                yield Case("mixed_entities", language, Expected.negative, Question(text, bad))


def _perturbed(ours: Templates, language: Language, rng: random.Random) -> Iterator[Case]:
    for capability, (perturb, languages) in PERTURBATIONS.items():
        if language not in languages:
            continue
        for sentence in ours.sentences.all:
            base = ours.fill(sentence, rng)
            changed = perturb(base, language, rng)
            if changed != base:
                yield Case(capability, language, Expected.same, Question(changed), Question(base))


def _renumbered(ours: Templates, language: Language, rng: random.Random) -> Iterator[Case]:
    for sentence in ours.sentences.all:
        company = rng.choice(ours.slots["company"])
        base = ours.fill(sentence, rng, company=company)
        for _ in range(2):
            changed = ours.fill(sentence, rng, company=company)
            if changed != base:
                yield Case("irrelevant_numbers", language, Expected.same, Question(changed), Question(base))


def _swapped(ours: Templates, language: Language, rng: random.Random) -> Iterator[Case]:
    for sentence in ours.sentences.all:
        filled = ours.fill(sentence, rng, company="{company}")
        chosen = [
            (group, name) for group, members in names()[language].items() for name in rng.sample(members, NAMES_A_GROUP)
        ]
        for group, name in chosen:
            first = rng.choice([other for _, other in chosen if other != name])
            before, after = filled.format(company=first), filled.format(company=name)
            for capability, old, new in (("entity_swap", None, None), ("entity_swap_toward", first, name)):
                yield Case(capability, language, Expected.same, Question(after, new), Question(before, old), group)
