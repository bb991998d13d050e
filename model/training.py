"""The training loop: AdamW, a plateau of learning rate, checkpoints that a later run goes on from.

Step `n` of a run is a pure function of the configuration and of step `n - 1`: batches come from (seed, pass), dropout
from (seed, step). A run that was killed therefore goes on to the same weights, give or take the order of sums.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from model.batches import plan
from model.config import RunConfig, ScheduleConfig
from model.corpus import Batch, Corpus
from model.losses import sentiment_loss, topic_loss
from model.network import Network, save_network

log = logging.getLogger(__name__)
CHECKPOINT: Final = "checkpoint.pt"
PLATEAU: Final = "plateau.pt"  # the last checkpoint before the learning rate falls: a longer run starts here
CLIP: Final = 1.0
NOTE_EVERY: Final = 20

Measure = Callable[[Network], dict[str, float]]


@dataclass(slots=True)
class Progressed:
    """What a run came to: steps done in all, and the mean loss of the last steps."""

    steps: int
    loss: float


def factor(step: int, total: int, schedule: ScheduleConfig) -> float:
    """The learning rate of a step as a share of its peak: up, flat, down to nearly nothing."""
    rise = max(1, round(schedule.warm_up * total))
    fall = max(1, round(schedule.decay * total))
    return max(0.0, min(1.0, (step + 1) / rise, (total - step) / fall))


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

    Args:
        network: fresh, or anything of the same shape when a checkpoint exists.
        corpus: the examples to learn from.
        run: how long, how fast, and how often each set is drawn.
        seed: of batches and dropout.
        folder: takes checkpoints, `network.pt` and TensorBoard's `logs/`.
        measure: called after each pass; what it returns goes to the log and to TensorBoard.
        stop_after: stop early at this step, with a checkpoint, as a kill would without one.
    """
    schedule = run.schedule
    turns = [_plan(corpus, run, seed, turn) for turn in range(int(schedule.passes) + (schedule.passes % 1 > 0))]
    total = max(1, round(sum(map(len, turns[: int(schedule.passes)])) + schedule.passes % 1 * len(turns[-1])))
    optimizer = _optimizer(network, schedule)
    done = _resume(network, optimizer, folder, total, schedule)
    ends = {sum(map(len, turns[: turn + 1])) for turn in range(len(turns))} | {total}
    folder.mkdir(parents=True, exist_ok=True)
    writer = SummaryWriter(str(folder / "logs"))
    loss = float("nan")
    network.train()
    log.info("training: %d examples, step %d of %d", len(corpus), done, total)
    with _progress() as progress:
        bar = progress.add_task("train", total=total, completed=done, note="")
        began, first = time.monotonic(), done
        for step, places in _from(turns, done, min(total, stop_after or total)):
            now = _step(network, optimizer, corpus.batch(places), schedule, step, total, seed)
            loss = now if loss != loss else 0.98 * loss + 0.02 * now
            done = step + 1
            progress.update(bar, completed=done, note=f"loss {loss:.3f}")
            if done % NOTE_EVERY == 0:
                writer.add_scalar("loss", loss, done)
                log.info(
                    "step %d/%d loss %.3f, %.2f steps/s", done, total, loss, (done - first) / (time.monotonic() - began)
                )
            if done in ends or done % schedule.checkpoint_every == 0:
                _checkpoint(network, optimizer, folder, done, total, schedule)
            if done in ends and measure is not None:
                _note(writer, measure(network), done)
                network.train()
    _checkpoint(network, optimizer, folder, done, total, schedule)
    writer.close()
    return Progressed(done, loss)


def _plan(corpus: Corpus, run: RunConfig, seed: int, turn: int) -> list[list[int]]:
    return plan(corpus.lengths, corpus.sources, run.repeat, run.schedule.batch_tokens, seed=seed, turn=turn)


def _from(turns: list[list[list[int]]], done: int, end: int) -> Iterator[tuple[int, list[int]]]:
    steps = [places for turn in turns for places in turn]
    yield from zip(range(done, end), steps[done:end], strict=True)


def _step(
    network: Network,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    schedule: ScheduleConfig,
    step: int,
    total: int,
    seed: int,
) -> float:
    torch.manual_seed(seed * 1_000_003 + step)
    share = factor(step, total, schedule)
    for group in optimizer.param_groups:
        group["lr"] = share * group["peak"]
    sentiment, topics = network(batch.ids, batch.mask)
    loss = sentiment_loss(sentiment, batch.allowed, batch.considered)
    loss = loss + topic_loss(topics, batch.topics, batch.topic_mask, batch.exclusive)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    optimizer.step()
    return loss.item()


def _optimizer(network: Network, schedule: ScheduleConfig) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = []
    for heads in (False, True):
        for decays in (False, True):
            peak = schedule.head_learning_rate if heads else schedule.learning_rate
            chosen = [
                weight
                for name, weight in network.named_parameters()
                if name.startswith("encoder.") != heads and (weight.ndim > 1) == decays
            ]
            decay = schedule.weight_decay if decays else 0.0
            groups.append({"params": chosen, "lr": peak, "peak": peak, "weight_decay": decay})
    return torch.optim.AdamW(groups, fused=True)


def _checkpoint(
    network: Network,
    optimizer: torch.optim.Optimizer,
    folder: Path,
    done: int,
    total: int,
    schedule: ScheduleConfig,
) -> None:
    save_network(network, folder)
    state = {"step": done, "total": total, "weights": network.state_dict(), "optimizer": optimizer.state_dict()}
    flat = done <= total - round(schedule.decay * total)
    for name in (CHECKPOINT, PLATEAU) if flat else (CHECKPOINT,):
        temporary = folder / f".{name}.part"
        torch.save(state, temporary)
        temporary.replace(folder / name)


def _resume(
    network: Network, optimizer: torch.optim.Optimizer, folder: Path, total: int, schedule: ScheduleConfig
) -> int:
    for name in (CHECKPOINT, PLATEAU):
        path = folder / name
        if not path.is_file():
            continue
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["total"] != total and state["step"] > state["total"] - round(schedule.decay * state["total"]):
            continue  # its learning rate had begun to fall toward another end
        peaks = [group["peak"] for group in optimizer.param_groups]
        network.load_state_dict(state["weights"])
        optimizer.load_state_dict(state["optimizer"])
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["peak"] = peak
        log.info("going on from %s at step %d", path, state["step"])
        return int(state["step"])
    return 0


def _note(writer: SummaryWriter, measured: dict[str, float], step: int) -> None:
    for name, value in measured.items():
        writer.add_scalar(f"dev/{name}", value, step)
    log.info("dev at step %d: %s", step, ", ".join(f"{name} {value:.3f}" for name, value in measured.items()))


def _progress() -> Progress:
    from rich.console import Console

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.fields[note]}"), console=Console(stderr=True))
