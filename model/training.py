"""The training loop: a plateau of learning rate, checkpoints that a later run goes on from, a look at dev each pass.

Step `n` of a run is a pure function of the configuration and of step `n - 1`: batches come from (seed, pass), dropout
from (seed, step). A run that was killed therefore goes on to the same weights, give or take the order of sums.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from model.batches import plan
from model.checkpoints import CHECKPOINT, PLATEAU, find_checkpoint, save_best, save_checkpoint, take_best
from model.config import RunConfig
from model.corpus import Corpus
from model.learner import Learner, factor
from model.network import Network, save_network
from model.stopping import Stopping

__all__ = ["CHECKPOINT", "PLATEAU", "Measure", "Progressed", "factor", "train"]

log = logging.getLogger(__name__)
NOTE_EVERY: Final = 20

Measure = Callable[[Network], dict[str, float]]


@dataclass(slots=True)
class Progressed:
    """What a run came to: steps done in all, and the mean loss of the last steps."""

    steps: int
    loss: float


@dataclass(frozen=True, slots=True)
class _Course:
    """All steps of a run, each the places of its batches, and the numbers of steps done at which a pass ends."""

    steps: list[list[list[int]]]
    ends: set[int]
    total: int


def train(
    network: Network,
    corpus: Corpus,
    run: RunConfig,
    folder: Path,
    *,
    seed: int = 0,
    measure: Measure | None = None,
    stop_after: int | None = None,
) -> Progressed:
    """Train a network in place, going on from the folder's checkpoint if there is one.

    The network to export is left in the folder; with early stopping or a moving average it is another than the last.

    Args:
        network: fresh, or anything of the same shape when a checkpoint exists.
        corpus: the examples to learn from.
        run: how long, how fast, how often each set is drawn, and by which techniques.
        seed: of batches and dropout.
        folder: takes checkpoints, `network.pt` and TensorBoard's `logs/`.
        measure: called after each pass; what it returns goes to the log and to TensorBoard.
        stop_after: stop early at this step, with a checkpoint, as a kill would without one.
    """
    course = _course(corpus, run, seed)
    learner = Learner(network, run, seed=seed)
    stopping = None if run.stopping is None else Stopping(run.stopping)
    folder.mkdir(parents=True, exist_ok=True)
    done = _resume(learner, stopping, course, run, folder)
    loss = None
    corpus = corpus.on(learner.device)
    network.train()
    log.info("training on %s: %d examples, step %d of %d", learner.device, len(corpus), done, course.total)
    with _progress() as progress, SummaryWriter(str(folder / "logs")) as writer:
        bar = progress.add_task("train", total=course.total, completed=done, note="")
        began, first = time.monotonic(), done
        while done < min(course.total, stop_after or course.total) and not (stopping and stopping.over):
            now = learner.step([corpus.batch(places) for places in course.steps[done]], done, course.total)
            loss = now if loss is None else 0.98 * loss + 0.02 * now
            done += 1
            progress.update(bar, completed=done)
            if done % NOTE_EVERY == 0:  # and not at every step, for which a GPU would have to be waited for
                progress.update(bar, note=f"loss {loss:.3f}")
                writer.add_scalar("loss", loss, done)
                speed = (done - first) / (time.monotonic() - began)
                log.info("step %d/%d loss %.3f, %.2f steps/s", done, course.total, loss, speed)
            if done in course.ends and measure is not None:
                # Before the checkpoint, which then knows what this pass came to.
                _look(measure, learner, stopping, folder, writer, done)
            if done in course.ends or (run.schedule.checkpoint_every and done % run.schedule.checkpoint_every == 0):
                _save(learner, stopping, course, run, folder, done)
    _save(learner, stopping, course, run, folder, done)
    return Progressed(done, float("nan") if loss is None else float(loss))


def _course(corpus: Corpus, run: RunConfig, seed: int) -> _Course:
    passes = run.schedule.passes
    turns = []
    for turn in range(int(passes) + (passes % 1 > 0)):
        found = plan(corpus.lengths, corpus.sources, run.repeat, run.schedule.batch_tokens, seed=seed, turn=turn)
        turns.append([found[at : at + run.accumulate] for at in range(0, len(found), run.accumulate)])
    total = max(1, round(sum(map(len, turns[: int(passes)])) + passes % 1 * len(turns[-1])))
    ends = {sum(map(len, turns[: turn + 1])) for turn in range(len(turns))} | {total}
    return _Course([step for turn in turns for step in turn], ends, total)


def _look(
    measure: Measure, learner: Learner, stopping: Stopping | None, folder: Path, writer: SummaryWriter, done: int
) -> None:
    measured = measure(learner.shown)
    learner.network.train()
    for name, value in measured.items():
        writer.add_scalar(f"dev/{name}", value, done)
    log.info("dev at step %d: %s", done, ", ".join(f"{name} {value:.3f}" for name, value in measured.items()))
    if stopping is None:
        return
    if stopping.improved(measured):
        save_best(learner.exported, folder)
    elif stopping.over:
        log.info("no better for %d passes: the run ends with the best of them", stopping.stale)


def _save(
    learner: Learner, stopping: Stopping | None, course: _Course, run: RunConfig, folder: Path, done: int
) -> None:
    if stopping is None or stopping.best is None:
        save_network(learner.exported, folder)
    else:
        take_best(folder)
    if not run.schedule.checkpoint_every:
        return
    state = learner.state() | {"stopping": stopping and stopping.state()}
    save_checkpoint(folder, state, done, course.total, run.schedule)


def _resume(learner: Learner, stopping: Stopping | None, course: _Course, run: RunConfig, folder: Path) -> int:
    state = find_checkpoint(folder, course.total, run.schedule)
    if state is None:
        return 0
    learner.restore(state)
    if stopping is not None and state.get("stopping"):
        stopping.restore(state["stopping"])
    return int(state["step"])


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.fields[note]}"), console=Console(stderr=True))
