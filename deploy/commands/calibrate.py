"""`yuqing calibrate`: what was promised against what simulated calm brings. Needs no service and no settings."""

from __future__ import annotations

from typing import Any

from deploy.errors import UsageError
from deploy.output import emit, table

__all__ = ["show_calibration"]


def show_calibration(*, promised: float, entity_months: float, seed: int, as_json: bool) -> int:
    """Prints a row for each detector and stratum; returns 1 where a promise is broken.

    Raises UsageError where a number is not positive.
    """
    from alerts.detection.calibration import Calibration

    for name, value in (("--promised", promised), ("--entity-months", entity_months)):
        if not value > 0:
            raise UsageError(f"{name} is {value:g}", fix="give a number above 0.")
    rows = list(Calibration(promised, entity_months, seed).rows())
    answer = {
        "promised": promised,
        "seed": seed,
        "kept": all(row.kept for row in rows),
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
    }
    emit(answer, as_json, _shown)
    return 0 if answer["kept"] else 1


def _shown(answer: dict[str, Any]) -> str:
    head = ["detector", "stratum", "entity-months", "alarms", "promised", "observed", ""]
    rows = [
        (
            row["detector"],
            row["stratum"],
            f"{row['entity_months']:,.0f}",
            row["alarms"],
            f"{answer['promised']:.3g}",
            f"{row['observed']:.3g}",
            "kept" if row["kept"] else "BROKEN",
        )
        for row in answer["rows"]
    ]
    return (
        f"False alarms an entity and month of 30 days, on simulated calm (seed {answer['seed']}):\n{table(head, rows)}"
    )
