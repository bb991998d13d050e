"""One input, one parser, one verdict: within a time and a memory that no honest input needs.

A parser that takes more than its target's processor time ends the process by SIGPROF, which reaches it even inside C
code that never looks up; whoever watches the process counts that as a hang. Wall time would count the neighbours'.
"""

from __future__ import annotations

import faulthandler
import re
import resource
import signal
import traceback
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil
from mutations import mutated
from target import BrokenPromiseError, Target

__all__ = ["MOST_BYTES_MORE", "Failure", "attempt", "bound_this_process", "deepest", "input_of"]

MOST_BYTES_MORE = 1 << 30
"""Of address space, beyond what the process has once everything is loaded. An input has 256 kB at most."""

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Failure:
    """An input that a parser did not survive. `where` is the deepest line of ours."""

    target: str
    error: str
    where: str
    data: bytes


def input_of(target: Target, seed: int, number: int) -> bytes:
    """The input of this number: the same for the same seed, whatever ran before."""
    dice = Random(f"{seed} {target.name} {number}")
    return mutated(dice, target.examples, target.words)


def bound_this_process(log: Path | None = None) -> None:
    """Limits memory, and has a hang say where it hung, in `log`. For a process of its own: it cannot be undone."""
    most = psutil.Process().memory_info().vms + MOST_BYTES_MORE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if log is not None:
        faulthandler.register(signal.SIGPROF, file=log.open("w"), all_threads=False, chain=True)


def attempt(target: Target, data: bytes) -> Failure | bool:
    """The failure, if it is one; else whether the parser took the input (True) or refused it as documented (False)."""
    signal.setitimer(signal.ITIMER_PROF, target.most_s)
    try:
        target.parse(data)
    except KeyboardInterrupt:
        raise
    except target.allowed:
        return False
    except BaseException as error:  # a panic of a Rust library is no Exception
        return Failure(target.name, f"{type(error).__name__}: {str(error)[:300]}", _where(error), data)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return True


def deepest(dump: str) -> str:
    """The deepest line of ours in what faulthandler wrote, the innermost frame first."""
    frames = re.findall(r'File "(.+)", line (\d+) in (\S+)', dump)
    ours = [(Path(name), line, function) for name, line, function in frames if _is_ours(Path(name))]
    return f"{ours[0][0].relative_to(_ROOT)}:{ours[0][1]} {ours[0][2]}" if ours else "?"


def _is_ours(file: Path) -> bool:
    return file.is_relative_to(_ROOT) and ".venv" not in file.parts


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _is_ours(Path(frame.filename))]
    last = ours[-2] if isinstance(error, BrokenPromiseError) else ours[-1]
    return f"{Path(last.filename).relative_to(_ROOT)}:{last.lineno} {last.name}"
