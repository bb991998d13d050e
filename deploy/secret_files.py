"""Files that hold secrets, and whether anybody on this machine may read them."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from deploy.section import Section
from deploy.settings import Settings
from deploy.source_settings import Source

__all__ = ["open_to_all", "secret_files"]

_OF_THE_CONTAINER: Final = Path("/run/secrets")
"""What a container's engine puts there is readable by all in it: there is nobody else."""


def secret_files(settings: Settings) -> list[Path]:
    """Every file that a setting names as the place of a secret."""
    return list(_within(settings))


def open_to_all(file: Path) -> bool:
    """Whether any user of this machine can read it: its own rights, and those of every folder above it."""
    real = file.resolve()
    if real.is_relative_to(_OF_THE_CONTAINER):
        return False
    reachable = all(folder.stat().st_mode & stat.S_IXOTH for folder in real.parents)
    return reachable and bool(real.stat().st_mode & stat.S_IROTH)


def _within(model: BaseModel) -> Iterator[Path]:
    if isinstance(model, Section):
        named = (getattr(model, f"{name}_file") for name in model._secrets)
        yield from (file for file in named if file is not None)
    if isinstance(model, Source):
        yield from model.secret_files
    for name in type(model).model_fields:
        value = getattr(model, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, BaseModel):
                yield from _within(each)
