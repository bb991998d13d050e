"""A machine that makes detection, answers, silences, clock steps and crashes follow each other in any order.

A model keeps the status of each alert, moved by the table of transitions alone; the database must agree with it after
every step, and what must always hold is looked up in the rows. A crash strikes between any two statements: then
nothing of what was under way may be there.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from answer_stage import DETECTOR, AnswerStage, killed_after
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select

from alerts.answers.matchers import parse
from alerts.answers.transitions import actions_of
from alerts.detection.thresholds import SEVERITIES, rank
from alerts.errors import AnswerError, TransitionError
from storage.tables import alert_history, alerts, deliveries

COMPANIES = ("acme", "bank", "corp")
ANSWERS = ("acknowledge", "snooze", "resolve", "reopen", "comment", "judge")
TOLD = {"open", "release", "escalate", "catch_up", "wake", "remind", "acknowledge", "resolve", "end", "reopen"}

companies = st.sampled_from(COMPANIES)
deaths = st.one_of(st.none(), st.integers(0, 12))
"""None: it lives; else after how many statements it dies."""


class Lifecycle(RuleBasedStateMachine):
    """Every rule is something that somebody does, and may die of."""

    database: ClassVar[Engine]

    @initialize()
    def begin(self) -> None:
        self.stage = AnswerStage(self.database)
        self.stage.wipe()
        self.bucket = 1000
        self.statuses: dict[UUID, str] = {}
        self.silenced: list[tuple[str, Any, Any]] = []

    @rule(company=companies, severity=st.sampled_from(SEVERITIES), wait=st.integers(0, 150), death=deaths)
    def detect(self, company: str, severity: Any, wait: int, death: int | None) -> None:
        self.bucket += wait
        self._do(death, lambda: self.stage.find(company, bucket=self.bucket, severity=severity, complete=self.bucket))

    @rule(death=deaths)
    def detect_all(self, death: int | None) -> None:
        self._do(death, lambda: self.stage.find(*COMPANIES, bucket=self.bucket, complete=self.bucket))

    @rule(wait=st.integers(0, 300), death=deaths)
    def fall_quiet(self, wait: int, death: int | None) -> None:
        self.bucket += wait
        self._do(death, lambda: self.stage.fall_quiet(self.bucket - 100))

    @rule(answer=st.sampled_from(ANSWERS), which=st.integers(0, 9), minutes=st.integers(1, 200), death=deaths)
    @precondition(lambda self: self.statuses)
    def answer(self, answer: str, which: int, minutes: int, death: int | None) -> None:
        alert_id = sorted(self.statuses)[which % len(self.statuses)]
        desk, status = self.stage.desk, self.statuses[alert_id]
        give: dict[str, Callable[[], object]] = {
            "snooze": lambda: desk.snooze(alert_id, actor="li", until=self.stage.now + timedelta(minutes=minutes)),
            "comment": lambda: desk.comment(alert_id, actor="li", reason="well"),
            "judge": lambda: desk.judge(alert_id, "false_alarm", actor="li"),
        }
        possible = answer == "judge" or answer in actions_of(status, "analyst")  # type: ignore[arg-type]
        try:
            lived = self._do(death, give.get(answer, lambda: getattr(desk, answer)(alert_id, actor="li")))
            assert possible or not lived, "what the table does not allow was done"
        except TransitionError:
            assert not possible

    @rule(which=st.integers(0, 9), death=deaths)
    @precondition(lambda self: self.statuses)
    def undo(self, which: int, death: int | None) -> None:
        alert_id = sorted(self.statuses)[which % len(self.statuses)]
        with contextlib.suppress(AnswerError):  # there may be nothing to take back
            self._do(death, lambda: self.stage.desk.undo(alert_id, actor="li"))

    @rule(company=companies, minutes=st.integers(1, 200), death=deaths)
    def silence(self, company: str, minutes: int, death: int | None) -> None:
        until = self.stage.now + timedelta(minutes=minutes)
        chosen = [parse(f"entity={company}")]
        if self._do(death, lambda: self.stage.desk.silence(chosen, actor="li", reason="drill", ends_at=until)):
            self.silenced.append((company, self.stage.now, until))

    @rule(minutes=st.integers(0, 240), death=deaths)
    def time_passes(self, minutes: int, death: int | None) -> None:
        self.stage.now += timedelta(minutes=minutes)
        if self._do(death, self.stage.timers.once):
            self._nothing_is_overdue()

    @invariant()
    def history_is_a_chain_that_ends_with_the_status(self) -> None:
        with self.database.connect() as connection:
            rows = connection.execute(select(alert_history).order_by(alert_history.c.entry_id)).all()
            found = {row.alert_id: row for row in connection.execute(select(alerts))}
            sent = connection.execute(select(deliveries)).all()
        chains: dict[UUID, list[Any]] = defaultdict(list)
        for row in rows:
            chains[row.alert_id].append(row)
        assert set(chains) == set(found)
        for alert_id, chain in chains.items():
            statuses = [None, *(row.to_status for row in chain)]
            assert [row.from_status for row in chain] == statuses[:-1]
            assert found[alert_id].status == statuses[-1]
            assert chain[0].action in ("open", "hold")
        for alert_id, row in found.items():
            self._row_makes_sense(row, answered=any(entry.actor == "li" for entry in chains[alert_id]))
        self._deliveries_follow_from_history(chains, sent)
        self.statuses = {alert_id: row.status for alert_id, row in found.items()}

    def _row_makes_sense(self, row: Any, *, answered: bool) -> None:
        assert row.detector == DETECTOR
        assert (row.status == "resolved") == (row.resolved_at is not None)
        assert (row.status == "acknowledged") <= bool(row.acknowledged_by)
        untold = row.status in ("pending", "resolved") and row.told_at is None
        # Who answers an alert that is held knows of it, though nobody was told: it is held no more.
        assert bool(row.held_by) <= untold
        assert untold <= (bool(row.held_by) or (answered and row.status == "resolved"))
        assert row.episode == "open" or row.status in ("resolved", "reopened", "acknowledged", "snoozed", "firing")
        assert not row.told_severity or rank(row.told_severity) <= rank(row.severity)

    def _deliveries_follow_from_history(self, chains: dict[UUID, list[Any]], sent: list[Any]) -> None:
        told: dict[UUID, list[str]] = defaultdict(list)
        for row in sent:
            told[row.alert_id].append(row.event_type)
        for alert_id, chain in chains.items():
            events = told[alert_id]
            actions = [row.action for row in chain if row.from_status != "pending" or row.action == "release"]
            assert events.count("alert.opened") == sum(action in ("open", "release") for action in actions)
            assert events.count("alert.acknowledged") == actions.count("acknowledge")
            assert events.count("alert.resolved") == sum(action in ("resolve", "end") for action in actions)
            assert len(events) <= sum(action in TOLD for action in actions)

    def _nothing_is_overdue(self) -> None:
        now = self.stage.now
        quiet = {company for company, since, until in self.silenced if since <= now < until}
        with self.database.connect() as connection:
            for row in connection.execute(select(alerts)):
                assert row.snoozed_until is None or row.snoozed_until > now
                if row.entity_id not in quiet:
                    assert row.status != "pending" or row.held_by.startswith("flapping")
                    assert row.status not in ("firing", "acknowledged") or row.told_severity == row.severity

    def _do(self, death: int | None, what: Callable[[], object]) -> bool:
        """Whether `what` was done; where it died, that nothing of it is there is for the invariants to see."""
        if death is None:
            what()
            return True
        with killed_after(self.database, death) as survived:
            what()
        return survived()


def search(*, examples: int, steps: int) -> None:
    """Looks for an order of events that breaks an invariant."""
    run_state_machine_as_test(
        Lifecycle,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
