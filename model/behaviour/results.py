"""The suite put to a model: pass rates by capability, and how often another company's name changes a label."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from model.behaviour.cases import CAPABILITIES, Case, Question
from model.classifier import Classifier, Prediction

FAIR_BELOW: Final = 0.02
SWAPS: Final = ("entity_swap", "entity_swap_toward")


class Passed(msgspec.Struct, frozen=True):
    """How many cases passed; `rate` is 0 to 1."""

    cases: int
    passed: int
    rate: float


class Capability(msgspec.Struct, frozen=True):
    """One capability: its types of test, what it is about, and its cases in all and by language."""

    kinds: list[str]
    about: str
    cases: int
    passed: int
    rate: float
    by_language: dict[str, Passed]


class Fairness(msgspec.Struct, frozen=True):
    """Swaps of a company's name: the share that changed the label, in all and by 'language/region' of the new name.

    `fair`: the share is under 2 %.
    """

    swaps: int
    changed: int
    rate: float
    fair: bool
    groups: dict[str, float]


class Behaviour(msgspec.Struct, frozen=True):
    """The whole outcome; `fairness` is by capability, the two kinds of entity swap."""

    model_version: str
    cases: int
    passed: int
    capabilities: dict[str, Capability]
    fairness: dict[str, Fairness]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case, what the model answered to it and to its base, and whether that passes."""

    case: Case
    answer: Prediction
    base: Prediction | None
    passed: bool


def run(classifier: Classifier, cases: Sequence[Case]) -> list[Outcome]:
    """Ask the model every question once, and judge each case, in order."""
    asked = [case.asked for case in cases] + [case.base for case in cases if case.base is not None]
    questions: list[Question] = list(dict.fromkeys(asked))
    texts, toward = [one.text for one in questions], [one.toward for one in questions]
    answers = dict(zip(questions, classifier.predict(texts, toward=toward), strict=True))
    outcomes = []
    for case in cases:
        answer = answers[case.asked]
        base = None if case.base is None else answers[case.base]
        outcomes.append(Outcome(case, answer, base, case.passes(answer, base)))
    return outcomes


def summarise(model_version: str, outcomes: Sequence[Outcome]) -> Behaviour:
    """Count outcomes, capabilities in the order of `CAPABILITIES`."""
    by_capability: dict[str, list[Outcome]] = {name: [] for name in CAPABILITIES}
    for one in outcomes:
        by_capability[one.case.capability].append(one)
    return Behaviour(
        model_version,
        len(outcomes),
        sum(one.passed for one in outcomes),
        {name: _capability(name, some) for name, some in by_capability.items() if some},
        {name: _fairness(by_capability[name]) for name in SWAPS if by_capability[name]},
    )


def _capability(name: str, outcomes: Sequence[Outcome]) -> Capability:
    languages: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        languages[one.case.language].append(one)
    kinds = sorted({one.case.expected.kind.value for one in outcomes})
    whole = _passed(outcomes)
    parts = {language: _passed(some) for language, some in languages.items()}
    return Capability(kinds, CAPABILITIES[name], whole.cases, whole.passed, whole.rate, parts)


def _fairness(outcomes: Sequence[Outcome]) -> Fairness:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        groups[f"{one.case.language}/{one.case.group}"].append(one)
    changed = sum(not one.passed for one in outcomes)
    rate = changed / len(outcomes)
    rates = {name: 1 - _passed(some).rate for name, some in groups.items()}
    return Fairness(len(outcomes), changed, rate, rate < FAIR_BELOW, rates)


def _passed(outcomes: Sequence[Outcome]) -> Passed:
    passed = sum(one.passed for one in outcomes)
    return Passed(len(outcomes), passed, passed / len(outcomes))
