"""`promotions.json`: every promotion and rollback of a models folder, the last of which says what is in force.

The file is replaced whole, by rename: a reader sees the state before or the state after.
"""

import datetime
import os
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from model.errors import UNREADABLE_JSON, ArtefactError
from model.verdicts import Verdict

PROMOTIONS: Final = "promotions.json"
Version = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]  # also a folder's name


class Promotion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change: what came into force when, and the measurement that allowed it (none for a rollback).

    `version` is None where a rollback went back to the committed weights.
    """

    at: datetime.datetime
    action: Literal["promote", "rollback"]
    version: Version | None
    verdict: Verdict | None = None


def promotions(models: Path) -> tuple[Promotion, ...]:
    """Every change, oldest first; () where there was none.

    Raises:
        ArtefactError: the file cannot be read, or holds changes that cannot have been.
    """
    path = models / PROMOTIONS
    try:
        changes = msgspec.json.decode(path.read_bytes(), type=tuple[Promotion, ...])
        standing(changes)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, *UNREADABLE_JSON) as error:
        raise ArtefactError(f"{path} cannot be read: {error}. Restore it from a backup, or remove it.") from error
    return changes


def standing(changes: tuple[Promotion, ...]) -> list[str]:
    """The versions whose promotion was not rolled back, oldest first; the last is in force.

    Raises:
        ValueError: a change does not follow from those before it.
    """
    versions: list[str] = []
    for number, change in enumerate(changes, 1):
        if change.action == "promote" and change.version is not None:
            versions.append(change.version)
            continue
        if not versions or change.action == "promote":
            raise ValueError(f"change {number} cannot follow those before it")
        versions.pop()
        if change.version != (versions[-1] if versions else None):
            raise ValueError(f"change {number} goes back to another version than was there before")
    return versions


def append(models: Path, change: Promotion) -> None:
    """Write the file anew with one more change, flushed to the disk."""
    text = msgspec.json.format(msgspec.json.encode((*promotions(models), change)), indent=2)
    temporary = models / f".{PROMOTIONS}.part"
    temporary.write_bytes(text + b"\n")
    flush(temporary)
    temporary.replace(models / PROMOTIONS)
    flush(models)


def flush(path: Path) -> None:
    """Make sure that a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
