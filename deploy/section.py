"""What every table of `yuqing.toml` has in common."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

__all__ = ["Section"]


class Section(BaseModel):
    """A table of `yuqing.toml`: frozen, and a name that it does not know is an error.

    A secret named in `_secrets` may be given by the path of a file that holds it, as NAME_file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    _secrets: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        data = dict(data)
        for name in cls._secrets:
            file = data.get(f"{name}_file")
            if not file:
                continue
            if data.get(name):
                raise ValueError(f"both {name} and {name}_file are set: keep one of them")
            try:
                data[name] = Path(str(file)).read_text().strip()
            except OSError as error:
                raise ValueError(f"{name}_file cannot be read: {error}") from error
        return data
