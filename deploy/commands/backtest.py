"""`yuqing backtest`: the count detectors over a file of counts. Needs no service and no settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.errors import UsageError
from deploy.output import emit, table

__all__ = ["backtest_counts"]


def backtest_counts(
    path: Path, *, scores: Path | None, plots: Sequence[Path], false_alarms: float, as_json: bool
) -> int:
    """Judges every row, writes what was asked for, and prints the alarms.

    Raises UsageError where a file cannot be read or written or the rate is not positive, CountsFileError,
    MissingPartError.
    """
    from alerts.detection.backtest import Backtest
    from alerts.detection.count_files import read_counts, write_scores

    if false_alarms <= 0:
        raise UsageError(f"--false-alarms is {false_alarms:g}", fix="give a number above 0, such as 0.5.")
    backtest = Backtest(false_alarms_a_month=false_alarms)
    try:
        file = read_counts(path)
        result = backtest.run(file)
        if scores is not None:
            write_scores(scores, file, result.scores)
        for plot in plots:
            from alerts.detection.backtest_plots import draw

            draw(result, path.name, plot)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}.", fix="name files that can be used.") from error
    answer = {
        "counts": str(path),
        "rows": len(file.stamps),
        "step_min": file.counts.step_min,
        "first": file.times[0],
        "last": file.times[-1],
        "false_alarms_a_month": false_alarms,
        "alarms": [
            {
                "at": alarm.at,
                "last": alarm.last,
                "score": round(alarm.score, 9),
                "horizon_min": alarm.horizon_min,
                "observed": alarm.observed,
                "expected": round(alarm.expected, 3),
                "false_alarms_a_month": alarm.false_alarms_a_month,
            }
            for alarm in result.alarms
        ],
        "scores": scores and str(scores),
        "plots": [str(plot) for plot in plots],
    }
    emit(answer, as_json, _shown)
    return 0


def _shown(answer: dict[str, Any]) -> str:
    span = f"{answer['first']:%Y-%m-%d %H:%M} to {answer['last']:%Y-%m-%d %H:%M} UTC"
    head = f"{answer['counts']}: {answer['rows']:,} rows of {answer['step_min']} minutes, {span}"
    if not answer["alarms"]:
        return f"{head}\nNo alarm."
    rows = [
        (
            f"{one['at']:%Y-%m-%d %H:%M}",
            f"{one['last']:%Y-%m-%d %H:%M}",
            f"{one['score']:.3f}",
            one["horizon_min"],
            f"{one['observed']:g}",
            f"{one['expected']:.1f}",
            f"{one['false_alarms_a_month']:.2g}",
        )
        for one in answer["alarms"]
    ]
    columns = ["alarm", "last told", "score", "minutes", "observed", "expected", "as far in calm, a month"]
    return f"{head}\n{table(columns, rows)}"
