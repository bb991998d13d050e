"""What tuning may change: keys of a run's configuration, and the values that each may take, read from TOML.

    [parameters."schedule.learning_rate"]
    low = 2e-5
    high = 2e-4
    log = true

    [parameters."schedule.batch_tokens"]
    choices = [1024, 2048]

    [parameters.augmentation.options]     # tables by name; an empty one is "off"
    none = {}
    deletion = { share = 0.5, deletion = 0.1 }

The parameter `seed` is that of batches, dropout and new weights; the split of the data stays the same.
"""

import itertools
from pathlib import Path
from typing import Any

import msgspec

from model.config import RunConfig
from model.errors import ConfigError

Value = str | int | float | bool
Settings = dict[str, Value]
SEED = "seed"


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values of one key: a range (`low` to `high`, in `step`s or evenly in `log`), `choices`, or named tables."""

    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    whole: bool = False
    choices: tuple[Value, ...] = ()
    options: dict[str, dict[str, Any]] = {}

    def __post_init__(self) -> None:
        ranged = self.low is not None and self.high is not None
        if sum((ranged, bool(self.choices), bool(self.options))) != 1:
            raise ValueError("a parameter has either low and high, or choices, or options")
        if ranged and not self.low <= self.high:  # type: ignore[operator]
            raise ValueError("low must not be above high")
        if self.log and self.step is not None:
            raise ValueError("a parameter has either log or step")

    def suggest(self, name: str, trial: Any) -> Value:
        """Let a trial of Optuna choose."""
        if self.choices or self.options:
            found: Value = trial.suggest_categorical(name, self.choices or tuple(self.options))
        elif self.whole:
            found = trial.suggest_int(
                name, int(self.low or 0), int(self.high or 0), step=int(self.step or 1), log=self.log
            )
        else:
            found = trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)
        return found

    def grid(self, name: str) -> tuple[Value, ...]:
        """All its values.

        Raises:
            ConfigError: it has a range without steps.
        """
        if self.choices or self.options:
            return self.choices or tuple(self.options)
        step = self.step or (1 if self.whole and not self.log else None)
        if step is None or self.low is None or self.high is None:
            raise ConfigError(f"{name} has a range without a step, of which there is no grid: give step or choices")
        values = [self.low + step * at for at in range(int((self.high - self.low) / step + 1e-9) + 1)]
        return tuple(int(value) if self.whole else value for value in values)


class Space(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters, which encoder of the configuration they are of, and the dev metric to raise."""

    parameters: dict[str, Parameter]
    encoder: str = "en"
    metric: str = "mean"

    def settings(self) -> list[Settings]:
        """The grid: every combination of all values."""
        values = [one.grid(name) for name, one in self.parameters.items()]
        return [dict(zip(self.parameters, chosen, strict=True)) for chosen in itertools.product(*values)]

    def applied(self, run: RunConfig, settings: Settings) -> RunConfig:
        """A run with settings put in place.

        Raises:
            ConfigError: a key does not exist, or a value cannot be.
        """
        whole = msgspec.to_builtins(run)
        for name, value in settings.items():
            if name == SEED:
                continue
            options = self.parameters[name].options
            *path, last = name.split(".")
            at = whole
            for key in path:
                at[key] = at.get(key) or {}
                at = at[key]
            at[last] = (options[str(value)] or None) if options else value
        try:
            return msgspec.convert(whole, RunConfig)
        except msgspec.ValidationError as error:
            raise ConfigError(f"the search space asks for what cannot be: {error}") from error


def read_space(path: Path) -> Space:
    """Read a search space.

    Raises:
        ConfigError: the file is absent, is not TOML, or a key or value in it cannot be.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Space)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}. The keys are explained in model/search_space.py.") from error
