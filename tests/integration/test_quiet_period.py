"""`yuqing calibrate --from --to`: the detectors over the installation's own days, as the live engine judged them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from alert_stage import LATENESS, NOON, Stage, Story, surge_detector, wall_clock
from sqlalchemy import Engine, insert, select

from alerts.detection.quiet_period import QuietRow, interval, of_stored_days
from alerts.detection.series import minute_of
from alerts.detection.stored_past import episodes_of
from alerts.engine import AlertEngine, Timing
from deploy.cli import main
from deploy.embedded import StackAddresses
from storage.tables import alert_feedback, alerts

DAY = 1440
SPAN = (minute_of(NOON) - 10 * DAY, minute_of(NOON) + 20 * DAY)
TIMING = Timing(allowed_lateness=LATENESS)


@pytest.fixture
def stage(database: Engine) -> Stage:
    """Acme has trouble on three days, twice within a quiet time; Beta once. A live engine looked on."""
    stage = Stage(database, ())
    stage.calm()
    engine = AlertEngine(database, [surge_detector()], (), clock=wall_clock, timing=TIMING)
    for minute, entity in ((0, "acme"), (2 * DAY, "acme"), (8 * DAY, "acme"), (9 * DAY, "beta")):
        stage.publish(*(Story(minute + 2 * step, entity, title=f"{minute} {step}") for step in range(6)))
        engine.once()
    stage.publish(Story(10 * DAY, "gamma", "neutral", score=0.0))
    stage.later(12 * DAY)
    engine.once()
    return stage


def test_stored_days_make_the_episodes_that_were_told_live(stage: Stage) -> None:
    with stage.database.connect() as connection:
        live = connection.execute(select(alerts).order_by(alerts.c.first_bucket)).all()
        found = episodes_of(connection, surge_detector(), *SPAN, quiet=TIMING.quiet)
    assert [one.entity_id for one in live] == ["acme", "acme", "beta"]
    assert [(one.entity_id, one.first, one.last, one.severity, one.peak.observed) for one in found] == [
        (one.entity_id, minute_of(one.first_bucket), minute_of(one.last_bucket), one.severity, one.observed)
        for one in live
    ]


def test_what_an_analyst_called_true_is_no_false_alarm(stage: Stage) -> None:
    with stage.database.begin() as connection:
        first = connection.execute(select(alerts.c.alert_id).order_by(alerts.c.first_bucket)).scalars().first()
        verdict = {"alert_id": first, "verdict": "true", "actor": "li", "at": NOON}
        connection.execute(insert(alert_feedback).values(verdict))
        (told,) = of_stored_days(connection, [surge_detector()], *SPAN, quiet=TIMING.quiet)
    everything = told.rows[-1]
    assert (everything.stratum, everything.alarms, everything.called_true, everything.false) == ("all", 3, 1, 2)
    assert everything.promised == pytest.approx(30 + 1 / 1440, abs=0.01), "one a day, for the whole list"
    assert sum(row.alarms for row in told.rows[:-1]) == 3
    assert sum(row.entity_months or 0 for row in told.rows[:-1]) == pytest.approx(4, abs=0.01), "of four companies"


def test_a_promise_is_broken_where_so_many_are_hardly_chance() -> None:
    def kept(alarms: int, called_true: int = 0) -> bool:
        return QuietRow("negative_surge", "all", 100, alarms, called_true, 10).kept

    assert [kept(alarms) for alarms in (0, 10, 17, 18, 40)] == [True, True, True, False, False]
    assert kept(40, 30)
    assert interval(0) == (0.0, pytest.approx(3.689, abs=1e-3))
    assert interval(10) == (pytest.approx(4.795, abs=1e-3), pytest.approx(18.391, abs=1e-3))


def calibrate(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main(["calibrate", "--no-simulated", *arguments, "--json"])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, answer


@pytest.fixture
def _installation(
    database_url: str, stack: StackAddresses, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YUQING_KAFKA__BOOTSTRAP", stack.kafka)
    monkeypatch.setenv("YUQING_DATABASE__URL", database_url)
    monkeypatch.setenv("YUQING_REDIS__URL", redis_url)


@pytest.mark.usefixtures("_installation")
def test_the_command_shows_the_installations_own_days(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = calibrate(capsys, "--from", "2024-05-01", "--to", "2024-05-20")
    (quiet,) = answer["quiet"]
    assert (code, answer["rows"]) == (1, []), "two surges about four companies in three weeks are no quiet"
    surges = [row for row in quiet["rows"] if row["detector"] == "negative_surge"]
    assert surges[-1]["stratum"] == "all"
    assert surges[-1]["alarms"] == len([one for one in quiet["alarms"] if one["detector"] == "negative_surge"]) == 2
    assert (surges[-1]["kept"], answer["kept"]) == (True, False), "over the whole list they are few"
    assert main(["calibrate", "--no-simulated", "--from", "2024-05-01", "--to", "2024-05-20"]) == 1
    shown = capsys.readouterr().out
    assert "Alarms in all, on stored days 2024-05-01 to 2024-05-20, if they were quiet:" in shown
    assert "2024-05-06 12:" in shown


@pytest.mark.usefixtures("_installation")
def test_a_file_of_counts_is_held_to_the_promise(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"2026-01-{1 + step // 288:02} {step // 12 % 24:02}:{step % 12 * 5:02}:00,20" for step in range(30 * 288)]
    Path("flat.csv").write_text("\n".join(["timestamp,value", *rows]))
    code, answer = calibrate(capsys, "--counts", "flat.csv", "--promised", "0.5")
    assert code == 0
    assert [(row["alarms"], row["promised"], row["entity_months"]) for row in answer["quiet"][0]["rows"]] == [
        (0, 0.5, 1)
    ]


def test_what_makes_no_sense_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, why in (
        (["--from", "2024-05-01"], "--from and --to go together"),
        (["--no-simulated"], "leaves nothing to look at"),
        (["--counts", "none.csv", "--no-simulated"], "none.csv: No such file"),
        (["--counts", "none.csv", "--promised", "0"], "give a number above 0"),
    ):
        assert main(["calibrate", *arguments]) == 2
        assert why in capsys.readouterr().err
