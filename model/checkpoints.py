"""Checkpoints of a run: written whole or not at all, and found again by a later run of the same or greater length."""

import logging
import shutil
from pathlib import Path
from typing import Any, Final

import torch

from model.config import ScheduleConfig
from model.network import NETWORK, Network, save_network

log = logging.getLogger(__name__)
CHECKPOINT: Final = "checkpoint.pt"
PLATEAU: Final = "plateau.pt"  # the last checkpoint before the learning rate falls: a longer run starts here
BEST: Final = "best.pt"  # the network of the best pass, in a run with early stopping


def save_checkpoint(folder: Path, state: dict[str, Any], step: int, total: int, schedule: ScheduleConfig) -> None:
    """Write what a later run goes on from; while the learning rate is flat, also as the plateau."""
    flat = step <= total - round(schedule.decay * total)
    for name in (CHECKPOINT, PLATEAU) if flat else (CHECKPOINT,):
        temporary = folder / f".{name}.part"
        torch.save({"step": step, "total": total, **state}, temporary)
        temporary.replace(folder / name)


def find_checkpoint(folder: Path, total: int, schedule: ScheduleConfig) -> dict[str, Any] | None:
    """The checkpoint that a run of `total` steps goes on from, if there is one."""
    for name in (CHECKPOINT, PLATEAU):
        path = folder / name
        if not path.is_file():
            continue
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if state["total"] != total and state["step"] > state["total"] - round(schedule.decay * state["total"]):
            continue  # its learning rate had begun to fall toward another end
        log.info("going on from %s at step %d", path, state["step"])
        return state
    return None


def save_best(network: Network, folder: Path) -> None:
    """Keep a network as the best of its run."""
    save_network(network, folder)
    (folder / NETWORK).replace(folder / BEST)


def take_best(folder: Path) -> None:
    """Make the best network of the run the one to export."""
    temporary = folder / f".{NETWORK}.part"
    shutil.copyfile(folder / BEST, temporary)
    temporary.replace(folder / NETWORK)
