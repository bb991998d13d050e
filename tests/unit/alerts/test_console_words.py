"""Every word of the console is there in both languages, and every page uses only words that are there."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import get_args

import pytest

from alerts.answers.transitions import STATUSES
from alerts.console.answers import ANSWERS
from alerts.console.watchlist import EntryQuery
from alerts.console.wording import LANGUAGES, wording, words
from alerts.reading.watch_preview import CautionKind
from alerts.rules.tally import MEASURES

CONSOLE = Path(__file__).parents[3] / "alerts" / "console"
USED = {
    key for page in (CONSOLE / "templates").glob("*.html") for key in re.findall(r"\bt\('(\w+)'[,)]", page.read_text())
} | {key for code in CONSOLE.glob("*.py") for key in re.findall(r'wording\(\w+(?:\.\w+)*, "(\w+)"', code.read_text())}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(words()))
def test_each_word_has_both_languages_with_the_same_places(key: str):
    entry = words()[key]

    assert set(entry) == set(LANGUAGES)
    assert all(text.strip() for text in entry.values())
    assert places(entry["en"]) == places(entry["zh"])


def test_pages_use_only_words_that_are_there():
    assert len(USED) > 80
    assert sorted(USED - set(words())) == []


def test_statuses_severities_and_answers_have_words():
    named = {*STATUSES, "critical", "warning", "watch", *(f"done_{action}" for action in ANSWERS)}

    assert sorted(named - set(words())) == []


def test_what_rules_ask_for_has_words_with_places_for_both_numbers():
    for measure in MEASURES:
        assert places(words()[f"asked_{measure}"]["en"]) == {"seen", "bound"}


def test_cautions_and_the_fields_of_an_entry_have_words():
    hidden = {"seen", "seen_id"}
    fields = (f"entry_{name}" for name in EntryQuery.model_fields.keys() - hidden)
    named = {*(f"caution_{kind}" for kind in get_args(CautionKind)), *fields}

    assert sorted(named - set(words())) == []


def test_a_name_without_an_entry_stays_as_it_is():
    assert wording("zh", "{no} such word") == "{no} such word"
