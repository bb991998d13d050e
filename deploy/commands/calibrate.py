"""`yuqing calibrate`: what was promised against what simulated calm brings, and against what quiet days brought."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.errors import UsageError
from deploy.output import emit, table

if TYPE_CHECKING:
    from alerts.detection.quiet_period import QuietRow
    from deploy.settings import Settings

__all__ = ["of_counts", "of_stored_days", "show_calibration"]

_DAYS_A_MONTH = 30
_SHOWN_ALARMS = 50


def show_calibration(
    *,
    promised: float,
    entity_months: float,
    seed: int,
    simulated: bool,
    quiet: Sequence[dict[str, Any]],
    as_json: bool,
) -> int:
    """Prints a row for each detector and stratum, simulated and in each of `quiet`; 1 where a promise is broken.

    Raises UsageError where a number is not positive.
    """
    from alerts.detection.calibration import Calibration

    for name, value in (("--promised", promised), ("--entity-months", entity_months)):
        if not value > 0:
            raise UsageError(f"{name} is {value:g}", fix="give a number above 0.")
    rows = list(Calibration(promised, entity_months, seed).rows()) if simulated else []
    answer = {
        "promised": promised,
        "seed": seed,
        "kept": all(row.kept for row in rows) and all(row["kept"] for each in quiet for row in each["rows"]),
        "rows": [
            {
                "detector": row.detector,
                "stratum": row.stratum,
                "entity_months": round(row.entity_months, 1),
                "alarms": row.alarms,
                "observed": round(row.observed, 6),
                "kept": row.kept,
            }
            for row in rows
        ],
        "quiet": list(quiet),
    }
    emit(answer, as_json, _shown)
    return 0 if answer["kept"] else 1


def of_stored_days(settings: Settings, first: str, last: str) -> dict[str, Any]:
    """The settings' detectors over days of the installation's own database that somebody calls quiet; writes nothing.

    Raises UsageError.
    """
    from datetime import timedelta

    from alerts.detection import quiet_period
    from alerts.detection.series import minute_of, time_of
    from deploy.alert_parts import detectors_of
    from deploy.stored_past import current_books, days
    from deploy.watch_lists import watched

    since, until = days(first, last)
    detectors = detectors_of(settings, len(watched(settings)))
    quiet = timedelta(minutes=settings.alerts.quiet_min)
    with current_books(settings, read_only=True) as engine, engine.connect() as connection:
        span = (minute_of(since), minute_of(until) - 1)
        found = list(quiet_period.of_stored_days(connection, detectors, *span, quiet=quiet))
    alarms = [
        {
            "detector": each.detector,
            "entity_id": episode.entity_id,
            "severity": episode.severity,
            "first_bucket": time_of(episode.first),
            "alert_id": episode.alert_id,
        }
        for each in found
        for episode in each.episodes
    ]
    rows = [_plain(row) for each in found for row in each.rows]
    return {"what": f"stored days {first} to {last}", "rows": rows, "alarms": alarms}


def of_counts(path: Path, promised: float) -> dict[str, Any]:
    """The backtest's detector over a file of counts that somebody calls quiet.

    Raises UsageError where it cannot be read, CountsFileError.
    """
    from alerts.detection.backtest import Backtest
    from alerts.detection.count_files import read_counts
    from alerts.detection.quiet_period import QuietRow

    if not promised > 0:
        raise UsageError(f"--promised is {promised:g}", fix="give a number above 0.")
    try:
        file = read_counts(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}.", fix="name a file that can be read.") from error
    result = Backtest(false_alarms_a_month=promised).run(file)
    months = len(file.stamps) * file.counts.step_min / 1440 / _DAYS_A_MONTH
    row = QuietRow("backtest", "all", months, len(result.alarms), 0, promised * months)
    alarms = [{"detector": "backtest", "entity_id": path.name, "first_bucket": one.at} for one in result.alarms]
    return {"what": f"counts {path}", "rows": [_plain(row)], "alarms": alarms}


def _plain(row: QuietRow) -> dict[str, Any]:
    from alerts.detection.quiet_period import interval

    low, high = interval(row.false)
    return {
        "detector": row.detector,
        "stratum": row.stratum,
        "entity_months": None if row.entity_months is None else round(row.entity_months, 1),
        "alarms": row.alarms,
        "called_true": row.called_true,
        "promised": round(row.promised, 3),
        "low": round(low, 3),
        "high": round(high, 3),
        "kept": row.kept,
    }


def _shown(answer: dict[str, Any]) -> str:
    parts = [_simulated(answer)] if answer["rows"] else []
    return "\n\n".join([*parts, *map(_quiet, answer["quiet"])])


def _simulated(answer: dict[str, Any]) -> str:
    head = ["detector", "stratum", "entity-months", "alarms", "promised", "observed", ""]
    rows = [
        (
            row["detector"],
            row["stratum"],
            f"{row['entity_months']:,.0f}",
            row["alarms"],
            f"{answer['promised']:.3g}",
            f"{row['observed']:.3g}",
            _verdict(row["kept"]),
        )
        for row in answer["rows"]
    ]
    return (
        f"False alarms an entity and month of 30 days, on simulated calm (seed {answer['seed']}):\n{table(head, rows)}"
    )


def _quiet(one: dict[str, Any]) -> str:
    head = ["detector", "stratum", "entity-months", "promised", "alarms", "called true", "95 % of the rest", ""]
    rows = [
        (
            row["detector"],
            row["stratum"],
            "" if row["entity_months"] is None else f"{row['entity_months']:,.0f}",
            f"{row['promised']:.2f}",
            row["alarms"],
            row["called_true"],
            f"{row['low']:.1f} to {row['high']:.1f}",
            _verdict(row["kept"]),
        )
        for row in one["rows"]
    ]
    lines = [f"Alarms in all, on {one['what']}, if they were quiet:", table(head, rows)]
    if one["alarms"]:
        named = [
            (f"{alarm['first_bucket']:%Y-%m-%d %H:%M}", alarm["detector"], alarm["entity_id"])
            for alarm in one["alarms"][:_SHOWN_ALARMS]
        ]
        lines.append(f"The first {len(named)} of {len(one['alarms'])} alarms, for you to judge:")
        lines.append(table(["first", "detector", "entity"], named))
    return "\n".join(lines)


def _verdict(kept: bool) -> str:
    return "kept" if kept else "BROKEN"
