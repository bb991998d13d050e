"""Measurements as tables for a terminal."""

from collections.abc import Sequence

from rich.table import Table

from model.intervals import Interval
from model.measurement import Measured
from model.slices import Slice


def overview(title: str, measured: Sequence[Measured]) -> Table:
    """One line a file."""
    table = _table(title, ("file", "task"), ("rows", "accuracy", "macro-F1", "ECE", "TF-IDF", "texts/s"))
    for one in measured:
        report = one.report
        table.add_row(
            one.path.name,
            report.task,
            str(report.rows),
            f"{report.accuracy:.4f}",
            f"{report.macro_f1:.4f}",
            "" if report.calibration_error is None else f"{report.calibration_error:.3f}",
            "" if one.baseline is None else f"{one.baseline:.4f}",
            f"{report.texts_per_second:.0f}",
        )
    return table


def certainty(measured: Sequence[Measured]) -> Table:
    """Confidence intervals of each file and of its slices by language and length."""
    level = measured[0].detail.intervals.level
    table = _table(f"{level:.0%} intervals", ("file", "part"), ("rows", "accuracy", "macro-F1", "ECE"))
    for one in measured:
        report, bounds = one.report, one.detail.intervals
        whole = Slice(report.rows, report.accuracy, report.macro_f1, report.calibration_error, bounds)
        named = {"all": whole} | _named(one.detail.slices)
        for place, (name, part) in enumerate(named.items()):
            table.add_row(
                one.path.name if place == 0 else "",
                name,
                str(part.rows),
                _bounded(part.accuracy, part.intervals.accuracy),
                _bounded(part.macro_f1, part.intervals.macro_f1),
                "" if part.calibration_error is None else f"{part.calibration_error:.3f}",
            )
    return table


def rivals(measured: Sequence[Measured]) -> Table | None:
    """McNemar's test of each file against each other model; None where nothing was compared."""
    table = _table("McNemar, exact", ("file", "against"), ("accuracy", "only ours", "only theirs", "p"))
    for one in measured:
        for other in one.detail.comparisons:
            counts = (str(other.only_ours), str(other.only_theirs))
            table.add_row(one.path.name, other.against, f"{other.accuracy:.4f}", *counts, f"{other.p_value:.3g}")
    return table if table.row_count else None


def _named(slices: dict[str, dict[str, Slice]]) -> dict[str, Slice]:
    unit = {"language": "", "length": " tokens"}
    # A file in one language needs no line for it.
    return {name + unit[kind]: part for kind, parts in slices.items() if len(parts) > 1 for name, part in parts.items()}


def _bounded(value: float, bounds: Interval) -> str:
    return f"{value:.3f} [{bounds.low:.3f}, {bounds.high:.3f}]"


def _table(title: str, words: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    table = Table(title=title)
    for column in words:
        table.add_column(column, overflow="fold")  # a name is of no use without its end
    for column in numbers:
        table.add_column(column, justify="right")
    return table
