"""What is read to judge by rules: the minutes around what moved, and not those between."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.rules.judging import find
from alerts.rules.rule import Rule
from alerts.rules.tally import Tally
from deploy.rule_settings import Rule as Written

DAY = 1440
YEAR = 365 * DAY
NOW = 30_000_000


class Documents:
    """One document of each company in each of `minutes`; keeps how many minutes were read."""

    def __init__(self, *minutes: int) -> None:
        self._minutes = minutes
        self.read = 0

    def watched(self, rule: Rule) -> None:
        """Every company."""

    def tallies(self, rule: Rule, about: Sequence[str], since: int, until: int) -> dict[str, Tally]:
        """What lies within."""
        self.read += until + 1 - since
        rows = [(minute, 1, 1, 1, 1, 0) for minute in self._minutes if since <= minute <= until]
        return {entity_id: Tally.of(rows) for entity_id in about} if rows else {}


def rule(**given: object) -> Rule:
    return Written.model_validate({"name": "r", **given}).judge()


def test_for_a_document_that_comes_a_year_late_the_year_is_not_read() -> None:
    documents = Documents(NOW - YEAR, NOW)
    found = find(rule(documents=1), [(NOW, "acme"), (NOW - YEAR, "acme"), (NOW, "beta")], NOW, documents)
    assert {entity: [one.bucket for one in each] for entity, each in found.items()} == {
        "acme": [NOW - YEAR, NOW],
        "beta": [NOW],
    }
    assert documents.read < DAY


def test_jobs_that_share_a_stretch_are_judged_together_and_each_bucket_once() -> None:
    given = rule(documents=2, within_min=2 * DAY)
    documents = Documents(NOW - 3 * DAY, NOW - 3 * DAY // 2, NOW)
    jobs = [(NOW, "acme"), (NOW - 3 * DAY // 2, "acme"), (NOW - 3 * DAY, "acme")]
    found = find(given, jobs, NOW, documents)
    assert [one.bucket for one in found["acme"]] == [NOW - 3 * DAY // 2, NOW]
    apart = [find(given, [job], NOW, documents).get("acme", []) for job in jobs]
    assert {one.bucket for each in apart for one in each} == {NOW - 3 * DAY // 2, NOW}


def test_what_is_not_ready_is_not_read() -> None:
    documents = Documents(NOW)
    assert find(rule(documents=1), [(NOW, "acme")], NOW - 1, documents) == {}
    assert documents.read == 0
