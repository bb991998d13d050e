"""What may become of an alert, as data: from which status, by which action, to which, who may, and who is told.

Detection (`alerts/detection/lifecycle.py`, event time) decides which episodes there are; this decides what people make
of them (wall clock, actors). Pure: rows are written by `alerts/answers/transition_rows.py`.

    pending       found, but nobody was told: silenced, inhibited, flapping, or no graver than another alert about the
                  company (the row's `held_by` says which)
    firing        told
    acknowledged  somebody has taken it: no reminders
    snoozed       quiet until `snoozed_until`, then firing again; a rise of severity wakes it
    resolved      over: by detection (quiet for long enough) or by hand
    reopened      as firing, after it had been resolved
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from alerts.errors import TransitionError

__all__ = ["ACTIVE", "STATUSES", "TRANSITIONS", "Action", "Party", "Status", "Step", "Transition", "actions_of", "step"]

Status = Literal["pending", "firing", "acknowledged", "snoozed", "resolved", "reopened"]
Party = Literal["engine", "clock", "analyst"]
Action = Literal[
    "open", "hold", "escalate", "revise", "end",
    "release", "catch_up", "wake", "remind",
    "acknowledge", "snooze", "resolve", "reopen", "retract", "comment",
]  # fmt: skip

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
ACTIVE: Final[tuple[Status, ...]] = ("pending", "firing", "acknowledged", "snoozed", "reopened")


@dataclass(frozen=True)
class Transition:
    """One action: who takes it, where it leads from each status that it may be taken in (None: no alert yet).

    `event` is what the outside hears; nobody hears of what becomes of a pending alert but its release.
    """

    action: Action
    by: Party
    moves: Mapping[Status | None, Status]
    event: str = ""


@dataclass(frozen=True)
class Step:
    """One transition of one alert, taken. `event` is empty where the outside hears nothing."""

    action: Action
    before: Status | None
    after: Status
    event: str


def _stay(*statuses: Status) -> dict[Status | None, Status]:
    return {status: status for status in statuses}


def _to(target: Status, *sources: Status | None) -> dict[Status | None, Status]:
    return dict.fromkeys(sources, target)


_ALL: Final = (
    # Detection. `escalate` is a rise of severity while the episode lasts, `revise` one that was heard of afterwards.
    Transition("open", "engine", _to("firing", None), "alert.opened"),
    Transition("hold", "engine", _to("pending", None)),
    Transition(
        "escalate",
        "engine",
        _stay("pending", "firing", "acknowledged", "reopened") | _to("firing", "snoozed"),
        "alert.escalated",
    ),
    Transition("revise", "engine", _stay(*STATUSES)),
    Transition("end", "engine", _to("resolved", *ACTIVE), "alert.resolved"),
    # The clock. `catch_up` tells a rise of severity that a silence had kept quiet.
    Transition("release", "clock", _to("firing", "pending"), "alert.opened"),
    Transition("catch_up", "clock", _stay("firing", "acknowledged", "reopened"), "alert.escalated"),
    Transition("wake", "clock", _to("firing", "snoozed"), "alert.reminded"),
    Transition("remind", "clock", _stay("firing", "reopened"), "alert.reminded"),
    # Analysts.
    Transition("acknowledge", "analyst", _to("acknowledged", "pending", "firing", "snoozed", "reopened"),
               "alert.acknowledged"),
    Transition("snooze", "analyst", _to("snoozed", *ACTIVE)),
    Transition("resolve", "analyst", _to("resolved", *ACTIVE), "alert.resolved"),
    Transition("reopen", "analyst", _to("reopened", "resolved"), "alert.reopened"),
    Transition("retract", "analyst", _to("firing", "acknowledged", "snoozed")),  # nobody has it after all
    Transition("comment", "analyst", _stay(*STATUSES)),
)  # fmt: skip

TRANSITIONS: Final[Mapping[Action, Transition]] = MappingProxyType({each.action: each for each in _ALL})

_REOPENED_BY_DETECTION: Final = Step("escalate", "resolved", "reopened", "alert.reopened")
"""Resolved by hand while the episode goes on, and now worse than what was resolved: that is news."""


def step(status: Status | None, action: Action, by: Party) -> Step:
    """What `action` makes of an alert in `status` (None: it does not exist yet).

    Raises TransitionError, which names what could be done instead, where the table does not allow it.
    """
    if (status, action) == ("resolved", "escalate") and by == "engine":
        return _REOPENED_BY_DETECTION
    transition = TRANSITIONS[action]
    if transition.by != by or status not in transition.moves:
        raise TransitionError(action, status or "not there", actions_of(status, by))
    after = transition.moves[status]
    hushed = status == "pending" and by != "clock"
    return Step(action, status, after, "" if hushed else transition.event)


def actions_of(status: Status | None, by: Party) -> tuple[Action, ...]:
    """What may be done with an alert in `status`, in the order of the table."""
    return tuple(each.action for each in _ALL if each.by == by and status in each.moves)
