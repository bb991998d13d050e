"""Sentences written for training: what they teach, and that they are not the behavioural suite's."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from difflib import SequenceMatcher

import numpy as np
import pytest

from model.behaviour import suite
from model.behaviour.templates import names, templates
from model.datasets import Example
from model.labels import RISK_IDS, SENTIMENTS, TOPIC_IDS, TOPIC_INDEX
from model.routing import LANGUAGES, Language, language_of
from model.written import written_examples
from model.written.rows import written

RISKS = [TOPIC_INDEX[name] for name in RISK_IDS]


@pytest.fixture(scope="module")
def filled() -> list[Example]:
    return written_examples(copies=6, seed=0)


def written_templates(language: Language) -> list[str]:
    return [template for group in written(language).groups for template in group.templates]


def suite_templates(language: Language) -> list[str]:
    ours = templates(language)
    pairs = [template for group in ours.dir for pair in group.pairs for template in pair]
    alone = [template for group in (*ours.mft, *ours.mixed) for template in group.templates]
    return pairs + alone + list(ours.sentences.all)


def units(template: str, language: Language) -> list[str]:
    """Words, or Chinese characters, every slot being the same one."""
    plain = re.sub(r"{\w+}", "@", template.lower())
    return plain.split() if language == "en" else list(plain)


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_many_templates_and_names_and_none_comes_twice(language: Language) -> None:
    found, companies = written_templates(language), written(language).slots["company"]
    assert len(found) >= 200
    assert len(companies) >= 60
    assert max(Counter(found).values()) == 1
    assert max(Counter(companies).values()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_name_is_part_of_another_so_that_each_is_found_in_its_text_alone(language: Language) -> None:
    companies = written(language).slots["company"]
    assert [(one, other) for one in companies for other in companies if one != other and one in other] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_companies_are_not_those_of_the_behavioural_suite(language: Language) -> None:
    tested = {name for groups in names().values() for members in groups.values() for name in members}
    tested |= set(templates(language).slots["company"])
    first_words = {name.split()[0] if language == "en" else name[:2] for name in tested}
    for name in written(language).slots["company"]:
        assert name not in tested
        assert (name.split()[0] if language == "en" else name[:2]) not in first_words


def test_no_sentence_is_one_of_the_behavioural_suite(filled: list[Example]) -> None:
    tested = {question.text for case in suite() for question in (case.asked, case.base) if question is not None}
    assert tested.isdisjoint(one.text for one in filled)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_template_is_one_of_the_suite_with_a_word_changed(language: Language) -> None:
    tested = [units(template, language) for template in suite_templates(language)]
    for template in written_templates(language):
        mine = units(template, language)
        nearest = max(SequenceMatcher(None, mine, theirs).ratio() for theirs in tested)
        assert nearest < 0.7, template


def test_no_two_templates_contradict_each_other() -> None:
    answers: dict[tuple[str, str | None], set[tuple[tuple[int, ...], bytes, bytes]]] = defaultdict(set)
    for one in written_examples(copies=30, seed=1):
        answers[one.text, one.entity].add((one.allowed, one.topics.tobytes(), one.mask.tobytes()))
    assert [asked for asked, found in answers.items() if len(found) > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_three_sentiments_are_balanced(language: Language, filled: list[Example]) -> None:
    texts = {(one.text, one.allowed) for one in filled if one.entity is None and language_of(one.text) == language}
    counts = Counter(allowed for _, allowed in texts if len(allowed) == 1)
    assert len(counts) == len(SENTIMENTS)
    assert max(counts.values()) <= 1.5 * min(counts.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_group_says_something_and_nothing_that_excludes_the_other(language: Language) -> None:
    for group in written(language).groups:
        assert group.risk is None or (group.risk in RISK_IDS and not group.no_risk)
        assert group.sentiment or group.risk or group.toward


def test_sentences_are_whole_and_go_to_the_encoder_of_their_language(filled: list[Example]) -> None:
    by_name = {name: language for language in LANGUAGES for name in written(language).slots["company"]}
    for one in filled:
        assert not set("{}") & set(one.text)
        assert one.entity is None or by_name[one.entity] == language_of(one.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_risk_event_is_taught_in_both_languages(language: Language, filled: list[Example]) -> None:
    found = {
        TOPIC_IDS[place] for one in filled if language_of(one.text) == language for place in np.flatnonzero(one.topics)
    }
    assert set(RISK_IDS) <= found


def test_a_text_with_a_risk_event_has_no_other_and_a_harmless_one_has_none(filled: list[Example]) -> None:
    asked = [one for one in filled if one.mask[RISKS].any()]
    for one in asked:
        assert one.topics[RISKS].sum() == one.mask[TOPIC_INDEX["risk_other"]]
        assert (one.mask[RISKS] == 1).sum() >= len(RISKS) - 1
    assert {float(one.topics[RISKS].sum()) for one in asked} == {0.0, 1.0}


def test_nothing_holds_that_nobody_asked_about_and_no_softmax_runs_over_the_topics(filled: list[Example]) -> None:
    for one in filled:
        assert (one.topics <= one.mask).all()
        assert not one.exclusive
        assert set(one.allowed) <= set(one.considered)
        assert one.allowed or one.mask.any()


def test_a_company_that_is_asked_about_is_named_and_the_source_tells_the_questions_apart(filled: list[Example]) -> None:
    assert {one.source for one in filled} == {"written", "written.toward"}
    for one in filled:
        assert (one.entity is not None) == (one.source == "written.toward")
        assert one.entity is None or (one.entity in one.text and not one.mask.any())


def test_news_about_one_company_is_the_same_news_toward_it(filled: list[Example]) -> None:
    whole = {one.text: one.allowed for one in filled if one.entity is None}
    toward: dict[str, list[Example]] = defaultdict(list)
    for one in filled:
        if one.entity is not None:
            toward[one.text].append(one)
    alone = [asked[0] for asked in toward.values() if len(asked) == 1]
    assert len(alone) > 1000
    assert all(one.allowed == whole[one.text] for one in alone)


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_sentence_can_be_good_for_one_company_and_bad_for_another(
    language: Language, filled: list[Example]
) -> None:
    toward: dict[str, dict[str | None, tuple[int, ...]]] = defaultdict(dict)
    for one in filled:
        if one.entity is not None and language_of(one.text) == language:
            toward[one.text][one.entity] = one.allowed
    pairs = Counter(tuple(sorted(answers.values())) for answers in toward.values() if len(answers) == 2)
    bad, neutral, good = ((place,) for place in range(len(SENTIMENTS)))
    assert {(bad, good), (bad, neutral), (neutral, good), (bad, bad), (neutral, neutral), (good, good)} == set(pairs)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_smaller_amount_comes_as_less(language: Language) -> None:
    ours = written(language)
    amounts = {form.format(number): float(number) for form in ours.amount_forms for number in ours.amounts}
    found = [
        [amounts[text] for text in re.findall("|".join(map(re.escape, amounts)), one.text)]
        for one in written_examples(copies=20, seed=3)
        if re.match(r"In .+ earned .+ had earned |.+赚了.+去年同一时期", one.text) and language_of(one.text) == language
        if one.allowed == (SENTIMENTS.index("positive"),)
    ]
    assert len(found) >= 20
    assert all(now > before for now, before in found)


def test_the_same_seed_fills_alike_and_another_does_not(filled: list[Example]) -> None:
    def content(found: list[Example]) -> list[tuple[object, ...]]:
        return [(one.text, one.source, one.entity, one.allowed) for one in found]

    assert content(written_examples(copies=6, seed=0)) == content(filled)
    assert content(written_examples(copies=6, seed=1)) != content(filled)


def test_more_copies_keep_the_first_ones_and_no_copies_give_nothing(filled: list[Example]) -> None:
    assert {one.text for one in written_examples(copies=2, seed=0)} <= {one.text for one in filled}
    assert written_examples(copies=0, seed=0) == []
