"""The behavioural suite: what it is made of, when a case passes, and how it is counted."""

from __future__ import annotations

import json
import random
import unicodedata
from collections import Counter

import pytest
from small_model import Built
from typer.testing import CliRunner

from model.behaviour import CAPABILITIES, Case, Expected, Kind, Outcome, Question, suite, summarise
from model.behaviour.perturbations import PERTURBATIONS, traditional
from model.behaviour.templates import names, templates
from model.classifier import Prediction
from model.commands import app
from model.routing import LANGUAGES, language_of

RUN = CliRunner()


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return suite()


def says(score: float) -> Prediction:
    """A prediction of this score; within 0.4 of zero it is neutral."""
    rest = 1 - abs(score)
    return Prediction(max(-score, 0.0), rest, max(score, 0.0), (), ())


def test_the_suite_is_large_and_covers_every_capability_in_both_languages(cases: list[Case]) -> None:
    assert len(cases) >= 600
    assert {case.capability for case in cases} == set(CAPABILITIES)
    assert len(CAPABILITIES) >= 12
    assert {case.expected.kind for case in cases} == set(Kind)
    one_sided = {"traditional": {"zh"}, "letter_case": {"en"}}
    for name in CAPABILITIES:
        found = {case.language for case in cases if case.capability == name}
        assert found == one_sided.get(name, set(LANGUAGES))


def test_every_capability_has_enough_cases_to_state_a_rate(cases: list[Case]) -> None:
    assert min(Counter(case.capability for case in cases).values()) >= 20


def test_the_same_seed_makes_the_same_suite(cases: list[Case]) -> None:
    assert suite() == cases
    assert suite(seed=1) != cases
    assert len(set(cases)) == len(cases)


def test_sentences_are_whole_and_go_to_the_encoder_of_their_language(cases: list[Case]) -> None:
    for case in cases:
        for question in (case.asked, case.base):
            if question is not None:
                assert "{" not in question.text
                assert question.text.strip()
                assert question.toward is None or question.toward in question.text
        if case.base is not None:
            assert case.base.text != case.asked.text
            assert language_of(case.base.text) == case.language


def test_minimum_functions_stand_alone_and_the_others_beside_a_base(cases: list[Case]) -> None:
    assert all((case.base is None) == (case.expected.kind is Kind.MFT) for case in cases)


@pytest.mark.parametrize(
    ("expected", "asked", "base", "passes"),
    [
        (Expected.positive, 0.9, None, True),
        (Expected.positive, -0.9, None, False),
        (Expected.neutral, 0.1, None, True),
        (Expected.not_negative, 0.0, None, True),
        (Expected.not_negative, -0.8, None, False),
        (Expected.same, 0.9, 0.6, True),
        (Expected.same, 0.6, 0.1, False),
        (Expected.lower, -0.5, 0.5, True),
        (Expected.lower, 0.45, 0.5, False),
        (Expected.higher, 0.5, -0.5, True),
        (Expected.higher, 0.52, 0.5, False),
        (Expected.no_stronger, -0.3, -0.9, True),
        (Expected.no_stronger, 0.95, 0.9, True),
        (Expected.no_stronger, -0.9, -0.5, False),
    ],
)
def test_when_a_case_passes(expected: Expected, asked: float, base: float | None, passes: bool) -> None:
    question = None if base is None else Question("base")
    case = Case("negation", "en", expected, Question("asked"), question)
    assert case.passes(says(asked), None if base is None else says(base)) is passes


def test_a_perturbation_says_the_same_to_a_reader() -> None:
    rng = random.Random(4)
    sentence = "Kestrel Mining shares plunged 23% after it cut its outlook."
    for name in ("white_space", "letter_case", "full_width", "invisible", "letter_spacing"):
        changed = PERTURBATIONS[name][0](sentence, "en", rng)
        assert changed != sentence
        visible = "".join(c for c in unicodedata.normalize("NFKC", changed) if unicodedata.category(c) != "Cf")
        assert "".join(visible.lower().split()) == "".join(sentence.lower().split())
    assert traditional("远洲钢铁亏损扩大", "zh", rng) == "遠洲鋼鐵虧損擴大"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_typo_changes_little(language: str) -> None:
    for number, sentence in enumerate(templates(language).sentences.all):
        text = templates(language).fill(sentence, random.Random(number))
        changed = PERTURBATIONS["typos"][0](text, language, random.Random(number))
        assert changed != text or language == "en"  # two equal letters may have changed places
        assert abs(len(changed) - len(text)) <= 1


def test_names_vary_in_region_and_language(cases: list[Case]) -> None:
    swapped = {(case.language, case.group) for case in cases if case.capability == "entity_swap"}
    assert swapped == {(language, group) for language, groups in names().items() for group in groups}
    assert len(swapped) >= 12


def test_what_fails_is_counted_where_it_fails() -> None:
    case = Case("entity_swap", "en", Expected.same, Question("b"), Question("a"), "nordic")
    other = Case("negation", "zh", Expected.negative, Question("c"))
    outcomes = [Outcome(case, says(0.9), says(0.9), True), Outcome(case, says(0.9), says(0.0), False)]
    found = summarise("v", [*outcomes, Outcome(other, says(0.9), None, False)])
    assert (found.cases, found.passed) == (3, 1)
    assert found.capabilities["negation"].by_language["zh"].rate == 0
    fairness = found.fairness["entity_swap"]
    assert (fairness.swaps, fairness.changed, fairness.fair) == (2, 1, False)
    assert fairness.groups == {"en/nordic": 0.5}


def test_the_command_prints_one_object_with_failures(built: Built) -> None:
    command = ["behaviour", "--weights", str(built.folder), "--json", "--show-failures", "2"]
    result = RUN.invoke(app, command)
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["model_version"] == built.manifest.model_version
    assert answer["cases"] == sum(one["cases"] for one in answer["capabilities"].values())
    failures = Counter(one["capability"] for one in answer["failures"])
    for name, one in answer["capabilities"].items():
        assert failures[name] == min(2, one["cases"] - one["passed"])


def test_the_command_prints_tables_and_failed_sentences(built: Built) -> None:
    result = RUN.invoke(app, ["behaviour", "--weights", str(built.folder), "--show-failures", "1", "--seed", "3"])
    assert result.exit_code == 0
    assert "number_direction" in result.stdout
    assert "zh/latin_script" in result.stdout
    assert "expected" in result.stdout


def test_weights_that_are_absent_are_named(tmp_path: object) -> None:
    result = RUN.invoke(app, ["behaviour", "--weights", str(tmp_path)])
    assert result.exit_code == 1
    assert "no weights in" in result.stderr
