"""A measurement written down for people: one Markdown page, and the pictures that it shows."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from model.errors import DataError
from model.intervals import Interval
from model.measurement import Measured
from model.pictures import draw_confusion, draw_reliability, shown_name

PAGE: Final = "report.md"


def write_report(folder: Path, title: str, measured: Sequence[Measured]) -> Path:
    """Write `report.md` and its PNG files, over those of an earlier run.

    Args:
        folder: made if absent.
        title: of the page.
        measured: the files, in the order of the page.

    Returns:
        The page.

    Raises:
        DataError: the folder cannot be written.
        EngineError: matplotlib is not installed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sections = [_section(folder, number, one) for number, one in enumerate(measured, 1)]
        page = folder / PAGE
        page.write_text(f"# {title}\n\n" + "\n".join(sections), encoding="utf-8")
    except OSError as error:
        raise DataError(f"the report cannot be written to {folder}: {error.strerror}") from error
    return page


def _section(folder: Path, number: int, one: Measured) -> str:
    report, detail = one.report, one.detail
    bounds = detail.intervals
    about = f", sentiment of the {detail.sentiment_of}" if detail.sentiment_of else ""
    lines = [
        f"## {one.path.name}",
        "",
        f"Task {report.task}{about}; {report.rows} rows of {bounds.texts} texts.",
        "",
        f"- accuracy {_bounded(report.accuracy, bounds.accuracy)}",
        f"- macro-F1 {_bounded(report.macro_f1, bounds.macro_f1)}",
        f"- in brackets: {bounds.level:.0%} intervals, percentile bootstrap, {bounds.resamples} resamples of texts",
    ]
    if report.calibration_error is not None:
        lines.append(f"- expected calibration error {report.calibration_error:.4f}")
    lines += ["", *_classes(one), "", *_slices(one), ""]
    if detail.comparisons:
        lines += [*_comparisons(one), ""]
    return "\n".join(lines + _pictures(folder, number, one)) + "\n"


def _classes(one: Measured) -> list[str]:
    places = {name: place for place, name in enumerate(one.answers.names)}
    rows = (
        (name, shown_name(one.answers, places[name]), got.precision, got.recall, got.f1, got.support)
        for name, got in one.report.classes.items()
    )
    return _table(("label", "meaning", "precision", "recall", "F1", "rows"), rows)


def _slices(one: Measured) -> list[str]:
    rows = (
        (
            kind,
            name,
            part.rows,
            _bounded(part.accuracy, part.intervals.accuracy),
            _bounded(part.macro_f1, part.intervals.macro_f1),
            "" if part.calibration_error is None else part.calibration_error,
        )
        for kind, parts in one.detail.slices.items()
        for name, part in parts.items()
    )
    return _table(("by", "part", "rows", "accuracy", "macro-F1", "ECE"), rows)


def _comparisons(one: Measured) -> list[str]:
    rows = ((c.against, c.accuracy, c.only_ours, c.only_theirs, f"{c.p_value:.3g}") for c in one.detail.comparisons)
    return _table(("against", "its accuracy", "only ours right", "only theirs right", "McNemar p, exact"), rows)


def _pictures(folder: Path, number: int, one: Measured) -> list[str]:
    if not one.answers.exclusive:
        return ["With several topics a row there is no confusion matrix and no reliability diagram."]
    lines = []
    for kind, draw in (("confusion", draw_confusion), ("reliability", draw_reliability)):
        name = f"{number:02}-{kind}.png"
        draw(one.answers, f"{one.path.stem}: {kind}", folder / name)
        lines.append(f"![{kind} of {one.path.stem}]({name})")
    return lines


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    cells = [[f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    return ["| " + " | ".join(row) + " |" for row in (list(head), ["---"] * len(head), *cells)]


def _bounded(value: float, bounds: Interval) -> str:
    return f"{value:.4f} [{bounds.low:.4f}, {bounds.high:.4f}]"
