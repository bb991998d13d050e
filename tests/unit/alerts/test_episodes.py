"""One alert from the first firing bucket until it has been quiet, whatever order the findings come in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from alerts.detection.detectors import Finding
from alerts.detection.lifecycle import Change, Course, Episode, Settled, absorb, opened, resolved, why
from alerts.detection.thresholds import Severity

QUIET_MIN = 100
LONG_AGO = 0
ALL_COMPLETE = 10_000


def finding(bucket: int, p_value: float = 1e-6, severity: Severity = "watch") -> Finding:
    return Finding(
        bucket=bucket,
        horizon_min=60,
        observed=5,
        observed_documents=7,
        expected=0.1,
        p_value=p_value,
        severity=severity,
        since=bucket - 30,
    )


def settle(*findings: Finding, known: tuple[Episode, ...] = (), complete: int = LONG_AGO) -> Settled:
    course = Course("acme", "negative_surge", known, complete=complete, quiet=timedelta(minutes=QUIET_MIN))
    return course.settle(findings)


def spans(settled: Settled) -> list[tuple[int, int, str]]:
    return [(change.after.first, change.after.last, change.after.status) for change in settled.changes]


def test_the_first_finding_opens_an_alert_and_the_next_ones_belong_to_it() -> None:
    settled = settle(finding(1000), finding(1050), finding(1150))
    assert spans(settled) == [(1000, 1150, "firing")]
    assert settled.changes[0].events == ("alert.opened",)


def test_what_is_known_already_changes_nothing() -> None:
    episode = opened("acme", "negative_surge", finding(1000))
    assert settle(finding(1000), known=(episode,)).changes == ()


def test_an_earlier_bucket_moves_the_beginning_and_tells_nobody() -> None:
    episode = opened("acme", "negative_surge", finding(1000))
    (change,) = settle(finding(920), known=(episode,)).changes
    assert (change.after.first, change.after.last) == (920, 1000)
    assert change.after.alert_id == episode.alert_id
    assert change.events == ()


def test_of_a_bucket_that_cannot_be_less_probable_the_largest_count_is_shown_whatever_came_first() -> None:
    """Beyond 1e-300 all counts are alike: live sees some of the stories of a bucket first, a replay all at once."""
    some, more = finding(1000), replace(finding(1000), observed=6)
    shown = [
        absorb(opened("acme", "volume_surge", first), second).peak for first, second in ((some, more), (more, some))
    ]
    assert shown == [more, more]


def test_a_rise_of_severity_is_told_and_a_fall_does_not_exist() -> None:
    episode = opened("acme", "negative_surge", finding(1000, 1e-8, "warning"))
    (worse,) = settle(finding(1010, 1e-12, "critical"), known=(episode,)).changes
    assert worse.events == ("alert.escalated",)
    (milder,) = settle(finding(1010, 1e-4, "watch"), known=(episode,)).changes
    assert milder.events == ()
    assert (milder.after.severity, milder.after.peak.p_value) == ("warning", 1e-8)


def test_the_peak_is_the_least_probable_finding_in_whatever_order() -> None:
    findings = [finding(1000, 1e-5), finding(1010, 1e-9), finding(1020, 1e-7)]
    for order in (findings, findings[::-1]):
        (change,) = settle(*order).changes
        assert change.after.peak == findings[1]


def test_a_finding_after_the_quiet_time_resolves_the_old_alert_and_opens_another() -> None:
    episode = opened("acme", "negative_surge", finding(1000))
    settled = settle(finding(1101), known=(episode,), complete=1101)
    assert spans(settled) == [(1000, 1000, "resolved"), (1101, 1101, "firing")]
    assert [change.events for change in settled.changes] == [("alert.resolved",), ("alert.opened",)]


def test_a_new_alert_waits_until_the_old_one_can_no_longer_reach_it() -> None:
    episode = opened("acme", "negative_surge", finding(1000))
    settled = settle(finding(1101), known=(episode,), complete=1100)
    assert settled == Settled((), (1101,))


def test_the_quiet_time_ends_when_its_last_bucket_is_complete() -> None:
    episode = opened("acme", "negative_surge", finding(1000))
    assert not episode.over(1000 + QUIET_MIN, QUIET_MIN)
    assert episode.over(1000 + QUIET_MIN + 1, QUIET_MIN)


def test_years_of_findings_make_one_alert_each_and_all_but_the_last_are_over() -> None:
    settled = settle(finding(1000), finding(1090), finding(1500), finding(2000), complete=ALL_COMPLETE)
    assert spans(settled) == [(1000, 1090, "resolved"), (1500, 1500, "resolved"), (2000, 2000, "firing")]
    assert settled.changes[0].events == ("alert.opened", "alert.resolved")


def test_news_of_an_old_surge_beside_a_younger_alert_is_told_as_over() -> None:
    young = opened("acme", "negative_surge", finding(5000))
    settled = settle(finding(1000), known=(young,), complete=ALL_COMPLETE)
    assert spans(settled) == [(1000, 1000, "resolved")]


def test_later_than_allowed_news_joins_a_resolved_alert_in_silence() -> None:
    over = resolved(opened("acme", "negative_surge", finding(1000)))
    (change,) = settle(finding(1020, 1e-12, "critical"), known=(over,), complete=ALL_COMPLETE).changes
    assert change.events == ()
    assert (change.after.status, change.after.last, change.after.severity) == ("resolved", 1020, "critical")


def test_the_id_follows_from_whom_and_when() -> None:
    one, same, other = (opened(entity, "d", finding(1000)).alert_id for entity in ("acme", "acme", "bank"))
    assert one == same != other


def test_a_change_that_opens_and_ends_at_once_tells_both() -> None:
    over = resolved(opened("acme", "negative_surge", finding(1000)))
    assert Change(None, over).events == ("alert.opened", "alert.resolved")


def test_the_reason_names_count_horizon_expectation_and_time() -> None:
    assert why(finding(1440)) == "5 negative stories in 1 h to 1970-01-02 00:00 UTC, 0.1 expected (p 1.0e-06)"
