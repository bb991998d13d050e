"""Pictures of a measurement: the confusion matrix, and how far probabilities can be taken at their word."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from model.answers import Answers
from model.errors import EngineError
from model.labels import topic
from model.measures import reliability

DPI: Final = 150
CELLS_WITH_NUMBERS: Final = 12  # beyond this many labels the numbers would not fit their cells
COLOURS: Final = "Blues"


def draw_confusion(answers: Answers, title: str, path: Path) -> None:
    """Draw which label was taken for which, each row of the matrix as shares of the rows that truly have it.

    Raises:
        EngineError: matplotlib is not installed.
    """
    places = np.flatnonzero(answers.truths.any(axis=0) | answers.given.any(axis=0))
    counts = answers.truths[:, places].T.astype(int) @ answers.given[:, places].astype(int)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [shown_name(answers, int(place)) for place in places]
    side = max(4.0, 0.42 * len(names) + 2.5)
    figure = _figure((side + 1, side))
    axes = figure.subplots()
    image = axes.imshow(shares, cmap=COLOURS, vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 4 else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    axes.set_title(title)
    if len(names) <= CELLS_WITH_NUMBERS:
        for (row, column), count in np.ndenumerate(counts):
            dark = shares[row, column] > 0.5
            axes.text(column, row, str(count), ha="center", va="center", color="white" if dark else "black")
    figure.colorbar(image, ax=axes, label="share of the rows with this truth")
    figure.savefig(path, dpi=DPI, bbox_inches="tight")


def draw_reliability(answers: Answers, title: str, path: Path) -> None:
    """Draw accuracy against confidence in ten bins, above how many answers fall into each.

    Raises:
        EngineError: matplotlib is not installed.
    """
    bins = reliability(answers.confidence, answers.right)
    middles, width = [(one.low + one.high) / 2 for one in bins], 0.9 / 10
    figure = _figure((5, 6))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color="grey", linestyle="--", label="perfectly calibrated")
    upper.bar(middles, [one.accuracy for one in bins], width=width, alpha=0.6)
    upper.plot([one.confidence for one in bins], [one.accuracy for one in bins], "o-", color="black", label="measured")
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy", title=title)
    upper.legend(loc="upper left")
    lower.bar(middles, [one.rows for one in bins], width=width, color="grey")
    lower.set(xlabel="confidence", ylabel="rows")
    figure.savefig(path, dpi=DPI, bbox_inches="tight")


def shown_name(answers: Answers, place: int) -> str:
    """A label's name in Latin letters: the fonts that come with matplotlib have no Chinese."""
    name = answers.names[place]
    ours = answers.task.labels.get(name, (name,))
    return topic(ours[0]).en if answers.task.kind != "sentiment" else name


def _figure(inches: tuple[float, float]) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise EngineError("pictures need matplotlib: pip install 'yuqing[train]'") from error
    figure = Figure(figsize=inches, layout="constrained")
    FigureCanvasAgg(figure)  # no window, no global state
    return figure
