"""Matchers mean what they mean in Alertmanager; labels with several values match where any does."""

from __future__ import annotations

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from alerts.answers.matchers import LABELS, Matcher, as_json, from_json, matches, parse, refused, wide
from alerts.errors import MatcherError

BANK = {"entity": ("hsbc",), "name": ("HSBC Holdings",), "group": ("banks", "uk"), "severity": ("warning",)}


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ("entity=hsbc", True),
        ("entity=HSBC", False),
        ("entity!=acme", True),
        ("group=uk", True),
        ("group!=uk", False),
        ("group=~u.", True),
        ("group=~u", False),
        ("group!~b.*", False),
        ('name="HSBC Holdings"', True),
        ("name=~HSBC.*", True),
        ("topic=", True),
        ("topic!=default", True),
        ("topic=default", False),
        ("topic=~.+", False),
        (" severity =~ warning|critical ", True),
    ],
)
def test_a_matcher_holds_as_in_alertmanager(written: str, holds: bool) -> None:
    assert parse(written).holds(BANK) is holds


def test_all_of_a_list_must_hold() -> None:
    assert matches([parse("entity=hsbc"), parse("group=uk")], BANK)
    assert not matches([parse("entity=hsbc"), parse("group=us")], BANK)
    assert matches([], BANK)


def test_what_would_match_everything_is_known() -> None:
    assert wide([])
    assert wide([parse("entity=~.*"), parse("severity!=nonsense")])
    assert not wide([parse("entity=~.+")])


@pytest.mark.parametrize(
    ("written", "fix"),
    [
        ("hsbc", "label=value"),
        ("company=hsbc", "there are alert, entity"),
        ("name=~(", "mend the regular expression"),
        ("name=~a{1001}", "mend the regular expression"),
        ("name=~(?=look)ahead", "mend the regular expression"),
        ('name="open', "close the quotation mark"),
        ('name="a" b"', "close the quotation mark"),
        ("name=" + "x" * 301, "at most 300"),
    ],
)
def test_what_is_no_matcher_says_how_one_is_written(written: str, fix: str) -> None:
    with pytest.raises(MatcherError, match=fix.replace("(", r"\(")):
        parse(written)


def test_an_expression_that_makes_backtracking_engines_hang_is_answered_at_once() -> None:
    assert not parse("name=~(a+)+$").holds({"name": ("a" * 100_000 + "!",)})


@pytest.mark.parametrize(
    ("label", "operator", "value"),
    [("name", "=~", "(?!Acme).*"), ("name", "!~", "(?!Acme).*"), ("mood", "!=", "good"), ("name", "<", "b")],
)
def test_what_is_stored_and_cannot_be_run_matches_nothing_and_is_logged_once(
    label: str, operator: str, value: str
) -> None:
    stored = [{"label": label, "operator": operator, "value": value}]
    with structlog.testing.capture_logs() as logs:
        (matcher,) = from_json(stored)
        from_json(stored)
    assert not matcher.holds({label: ("another",)})
    assert not matcher.holds({})
    assert "matches nothing" in str(matcher)
    assert refused([parse("name=acme"), matcher]) == [matcher]
    assert as_json([matcher]) == stored
    assert [(log["event"], value in log["error"]) for log in logs] == [("matcher_refused", True)]


@given(st.sampled_from(LABELS), st.sampled_from(["=", "!="]), st.text(max_size=50))
def test_what_is_written_out_reads_back(label: str, operator: str, value: str) -> None:
    matcher = Matcher(label, operator, value)  # type: ignore[arg-type]
    assert parse(str(matcher)) == matcher
    assert from_json(as_json([matcher])) == (matcher,)
    assert matcher.holds({label: (value,)}) is (operator == "=")
