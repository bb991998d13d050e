"""Search for better settings with Optuna: each trial trains one encoder, and is given up where it does worse than the
median of those before it at the same pass.

The study is a SQLite file in the output folder. A search that was killed goes on where it was; the trial that was cut
off is run again from its start.
"""

import hashlib
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Final, Literal

import msgspec

from model.config import TrainingConfig
from model.datasets import read_sets
from model.encoder_run import train_encoder
from model.errors import ConfigError, EngineError
from model.pretrained import Pretrained
from model.search_space import SEED, Settings, Space
from model.stopping import dev_metric

Sampler = Literal["tpe", "random", "grid"]
STUDY: Final = "study.db"
log = logging.getLogger(__name__)


class Trial(msgspec.Struct, frozen=True):
    """One trial: `value` is the dev metric of its network, or of its last pass where it was pruned."""

    number: int
    state: Literal["complete", "pruned", "failed"]
    value: float | None
    passes: int
    seconds: float
    settings: Settings


class Group(msgspec.Struct, frozen=True):
    """Trials that differ in their seed alone; `spread` is the standard deviation, null for a single one."""

    settings: Settings
    trials: int
    mean: float
    spread: float | None


def tune(
    data: Path,
    config: TrainingConfig,
    space: Space,
    out: Path,
    *,
    sampler: Sampler,
    trials: int,
    pretrained: Pretrained | None = None,
) -> list[Trial]:
    """Run trials until the study has as many finished ones as asked for, or its grid is through.

    Args:
        data: a folder of labelled files.
        config: what the parameters of the space are put into.
        space: the parameters.
        out: takes the study and a folder for each trial; of the networks only the best is kept.
        sampler: how settings are chosen.
        trials: finished ones in all, those of earlier runs counted.
        pretrained: see `train_encoder`.

    Returns:
        All trials of the study, the best first.

    Raises:
        ConfigError: the space names an encoder, key or value that cannot be.
        EngineError: Optuna is not installed.
    """
    if space.encoder not in config.encoders:
        raise ConfigError(f"there is no encoder {space.encoder!r} in the configuration: {', '.join(config.encoders)}")
    optuna = _optuna()
    grid = space.settings() if sampler == "grid" else []
    for settings in grid[:1]:
        space.applied(config.encoders[space.encoder], settings)
    out.mkdir(parents=True, exist_ok=True)
    study = _study(optuna, out, sampler, config.seed)
    cut_off = [one.params for one in study.trials if one.state == optuna.trial.TrialState.RUNNING]
    for one in study.trials:
        if one.state == optuna.trial.TrialState.RUNNING:
            study.tell(one.number, state=optuna.trial.TrialState.FAIL)
    settled = [one.params for one in study.trials if one.state.name in ("COMPLETE", "PRUNED", "WAITING")]
    for params in grid or cut_off:
        if params not in settled:
            study.enqueue_trial(params)
    sets = read_sets(data, seed=config.seed)

    def objective(trial: Any) -> float:
        settings = {name: one.suggest(name, trial) for name, one in space.parameters.items()}
        run = space.applied(config.encoders[space.encoder], settings)
        folder = out / "trials" / _name(settings)
        shutil.rmtree(folder, ignore_errors=True)
        passes: list[float] = []

        def watched(measured: dict[str, float]) -> None:
            passes.append(dev_metric(measured, space.metric))
            trial.report(passes[-1], len(passes))
            if trial.should_prune():
                raise optuna.TrialPruned

        seed = int(settings.get(SEED, config.seed))
        found = train_encoder(data, sets, run, folder, seed=seed, pretrained=pretrained, watched=watched)
        return dev_metric(found, space.metric)

    wanted = min(trials, len(grid)) if grid else trials
    study.optimize(objective, n_trials=max(0, wanted - _finished(study)), callbacks=[lambda *_: _tidy(study, out)])
    return _trials(study)


def grouped(trials: Sequence[Trial]) -> list[Group]:
    """Put complete trials together that differ in their seed alone, the best mean first."""
    found: dict[str, list[Trial]] = {}
    for one in trials:
        if one.state == "complete":
            found.setdefault(str(sorted(_apart_from_seed(one.settings).items())), []).append(one)
    groups = []
    for members in found.values():
        values = [one.value for one in members if one.value is not None]
        spread = stdev(values) if len(values) > 1 else None
        groups.append(Group(_apart_from_seed(members[0].settings), len(values), fmean(values), spread))
    return sorted(groups, key=lambda one: -one.mean)


def _apart_from_seed(settings: Settings) -> Settings:
    return {name: value for name, value in settings.items() if name != SEED}


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise EngineError("tuning needs optuna: pip install 'yuqing[train]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _study(optuna: Any, out: Path, sampler: Sampler, seed: int) -> Any:
    storage = f"sqlite:///{(out / STUDY).absolute()}"
    pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1)
    study = optuna.create_study(
        study_name="tune", storage=storage, direction="maximize", pruner=pruner, load_if_exists=True
    )
    fresh = seed + len(study.trials)  # a search that goes on must not draw what it drew before
    chosen = optuna.samplers.TPESampler if sampler == "tpe" else optuna.samplers.RandomSampler
    study.sampler = chosen(seed=fresh)
    if sampler == "grid":
        study.pruner = optuna.pruners.NopPruner()  # whoever asks for a grid wants all of it, for comparisons
    return study


def _finished(study: Any) -> int:
    return sum(one.state.name in ("COMPLETE", "PRUNED") for one in study.trials)


def _tidy(study: Any, out: Path) -> None:
    complete = [one for one in study.trials if one.state.name == "COMPLETE"]
    best = max(complete, key=lambda one: float(one.value), default=None)
    for folder in (out / "trials").iterdir():
        if best is None or folder.name != _name(best.params):
            shutil.rmtree(folder)
    last = study.trials[-1] if study.trials else None
    log.info("%d trials finished, best %s", _finished(study), best and f"{best.value:.4f} with {best.params}")
    if last is not None and last.state.name == "PRUNED":
        log.info("trial %d was given up", last.number)


def _name(settings: Settings) -> str:
    return hashlib.sha256(msgspec.json.encode(settings, order="sorted")).hexdigest()[:16]


def _trials(study: Any) -> list[Trial]:
    names: dict[str, Literal["complete", "pruned", "failed"]]
    names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    found = []
    for one in study.trials:
        if one.state.name in names:
            passes = len(one.intermediate_values)
            value = one.intermediate_values.get(passes) if one.value is None else one.value
            seconds = one.duration.total_seconds() if one.duration else 0.0
            found.append(Trial(one.number, names[one.state.name], value, passes, seconds, dict(one.params)))
    return sorted(found, key=lambda one: (one.state != "complete", -(one.value or 0.0), one.number))
