"""The table of what may become of an alert, read as a specification."""

from __future__ import annotations

from itertools import product
from typing import cast

import pytest

from alerts.answers.transitions import ACTIVE, STATUSES, TRANSITIONS, Action, Party, Status, actions_of, step
from alerts.errors import TransitionError


def test_an_alert_opens_firing_or_pending_and_only_the_former_is_told() -> None:
    assert (step(None, "open", "engine").after, step(None, "open", "engine").event) == ("firing", "alert.opened")
    assert (step(None, "hold", "engine").after, step(None, "hold", "engine").event) == ("pending", "")
    assert step("pending", "release", "clock").event == "alert.opened"


@pytest.mark.parametrize("status", ACTIVE)
def test_whatever_is_active_can_be_acknowledged_snoozed_or_resolved(status: Status) -> None:
    for action, after in (("snooze", "snoozed"), ("resolve", "resolved")):
        assert step(status, cast(Action, action), "analyst").after == after
    if status != "acknowledged":
        assert step(status, "acknowledge", "analyst").after == "acknowledged"
    assert step(status, "end", "engine").after == "resolved"


def test_an_answer_that_was_given_is_refused_and_the_refusal_says_what_can_be_done() -> None:
    with pytest.raises(
        TransitionError, match=r"is acknowledged, so 'acknowledge' cannot be done; what can be done: snooze"
    ):
        step("acknowledged", "acknowledge", "analyst")
    with pytest.raises(TransitionError, match="what can be done: reopen, comment"):
        step("resolved", "snooze", "analyst")


def test_worse_news_wakes_a_snoozed_alert_and_leaves_an_acknowledged_one_with_who_has_it() -> None:
    assert step("snoozed", "escalate", "engine").after == "firing"
    assert step("acknowledged", "escalate", "engine").after == "acknowledged"


def test_worse_news_reopens_what_was_resolved_by_hand() -> None:
    taken = step("resolved", "escalate", "engine")
    assert (taken.after, taken.event) == ("reopened", "alert.reopened")


def test_nobody_hears_of_a_pending_alert_but_of_its_release() -> None:
    for party, action in product(("engine", "analyst"), TRANSITIONS):
        if action in actions_of("pending", cast(Party, party)):
            assert step("pending", action, cast(Party, party)).event == ""


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("party", ["engine", "clock", "analyst"])
def test_everybody_may_do_only_what_is_theirs(status: Status, party: Party) -> None:
    for action, transition in TRANSITIONS.items():
        if action in actions_of(status, party):
            assert transition.by == party
            assert step(status, action, party).after in STATUSES
        elif (status, action, party) != ("resolved", "escalate", "engine"):
            with pytest.raises(TransitionError):
                step(status, action, party)


def test_from_every_status_every_other_can_be_reached_but_the_beginning() -> None:
    moves = {(before, after) for each in TRANSITIONS.values() for before, after in each.moves.items()}
    reached: set[Status] = {"firing"}
    while more := {after for before, after in moves if before in reached} - reached:
        reached |= more
    assert reached == set(STATUSES) - {"pending"}
