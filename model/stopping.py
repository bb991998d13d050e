"""Early stopping: which pass was best on the dev parts, and whether it is time to end."""

from dataclasses import dataclass
from statistics import fmean
from typing import Any

from model.errors import ConfigError
from model.techniques import StoppingConfig


def dev_metric(measured: dict[str, float], metric: str) -> float:
    """The one number that a run is judged by.

    Args:
        measured: accuracy by set.
        metric: the name of a set, or `mean`.

    Raises:
        ConfigError: there is no such set.
    """
    if metric == "mean" and measured:
        return fmean(measured.values())
    if metric not in measured:
        raise ConfigError(f"metric = {metric!r} is not measured here: mean, {', '.join(measured)}")
    return measured[metric]


@dataclass(slots=True)
class Stopping:
    """What is remembered from pass to pass: the best value so far, and how many passes ago it was."""

    config: StoppingConfig
    best: float | None = None
    stale: int = 0

    @property
    def over(self) -> bool:
        """Whether patience is used up."""
        return self.stale >= self.config.patience

    def improved(self, measured: dict[str, float]) -> bool:
        """Take in a pass; true if it is the best so far."""
        value = dev_metric(measured, self.config.metric)
        if self.best is None or value > self.best + self.config.least_gain:
            self.best, self.stale = value, 0
            return True
        self.stale += 1
        return False

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"best": self.best, "stale": self.stale}

    def restore(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.best, self.stale = state["best"], state["stale"]
