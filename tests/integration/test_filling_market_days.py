"""The scheduler and `yuqing migrate` bring the sessions of the configured markets; the doctor sees when they end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Engine, text

from deploy import doctor_checks
from deploy.cli import main
from deploy.embedded import StackAddresses
from deploy.examination import Patient, WrongError
from deploy.schedule import Chores
from deploy.services import Services
from deploy.settings import Settings, load_settings
from storage.errors import CalendarError

MAY = datetime(2026, 5, 6, tzinfo=UTC)


@pytest.fixture
def configured(
    stack: StackAddresses, database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "YUQING_KAFKA__BOOTSTRAP": stack.kafka,
        "YUQING_DATABASE__URL": database_url,
        "YUQING_REDIS__URL": redis_url,
        "YUQING_MARKETS__CALENDARS": '["XSHG", "XNYS"]',
        "YUQING_INTAKE__LIMITS__OLDEST": "2025-01-01",
    }.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def spans(engine: Engine) -> dict[str, tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT calendar, min(session), max(session) FROM market_sessions GROUP BY 1"))
        return {calendar: (str(first), str(last)) for calendar, first, last in rows}


def test_the_chore_fills_from_the_oldest_time_believed_to_the_end_of_next_year(configured: Settings, database: Engine):
    chores = Chores(configured, database, lambda: MAY)
    chores.fill_market_sessions()
    chores.fill_market_sessions()

    found = spans(database)
    assert found["XNYS"] == ("2025-01-02", "2027-12-31")
    assert found["XSHG"][0] == "2025-01-02"
    assert found["XSHG"][1] >= "2026-12-31"


def test_a_calendar_that_is_about_to_end_is_said_with_what_renews_it(configured: Settings, database: Engine):
    """Shanghai's holidays of a year are told late in the year before: no package knows those of 2090."""
    late = Chores(configured, database, lambda: MAY.replace(year=2090))
    with structlog.testing.capture_logs() as logs:
        late.fill_market_sessions()

    assert [(log["calendar"], log["fix"]) for log in logs if log["event"] == "market_calendar_ends"] == [
        ("XSHG", "pip install -U exchange_calendars")
    ]


def test_a_market_that_does_not_exist_is_refused_before_anything_changes(configured: Settings, database: Engine):
    wrong = load_settings(flags={"markets": {"calendars": ["XSHG", "XNYC"]}})

    with pytest.raises(CalendarError, match=r"'XNYC' \(did you mean XNYS\?\)"):
        Chores(wrong, database, lambda: MAY).fill_market_sessions()

    assert spans(database) == {}


def test_migrate_fills_and_the_doctor_sees_what_is_missing_and_what_has_ended(
    configured: Settings,
    database: Engine,
    database_url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("YUQING_MARKETS__CALENDARS", '["XLON", "XNYS"]')  # these have rules, and never end
    patient = Patient(load_settings(), Services(kafka="", database_url=database_url, redis_url=""))
    with pytest.raises(WrongError, match=r"no sessions of XLON, XNYS yet\n  Fix: run `yuqing migrate`"):
        doctor_checks.markets(patient)

    assert main(["migrate"]) == 0
    assert "XNYS: sessions until 20" in capsys.readouterr().out

    assert doctor_checks.markets(patient).startswith("XLON to ")
    with database.begin() as connection:
        connection.execute(text("DELETE FROM market_sessions WHERE calendar = 'XNYS' AND session > '2026-01-02'"))
    with pytest.raises(WrongError, match=r"XNYS ended 2026-01-02\n  Fix: pip install -U exchange_calendars, then"):
        doctor_checks.markets(patient)
