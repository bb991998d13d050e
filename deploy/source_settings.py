"""An entry of `[[sources]]`: a name, a kind, and the options of that kind, which the kind itself checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ModelWrapValidatorHandler, PrivateAttr, Secret, model_validator

from deploy.section import Section

__all__ = ["Source"]


class Source(Section):
    """Where documents come from. `options` may hold a token, so it shows nowhere.

    An option `NAME_file` is read from that file as the option `NAME`, for tokens kept as files.
    """

    name: str = Field(pattern=r"^[a-zA-Z0-9_.-]+$")
    kind: Literal["rss", "http", "replay"]
    options: Secret[dict[str, Any]] = Field(default=Secret[dict[str, Any]]({}))
    _secret_files: tuple[Path, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _note_files(cls, data: object, handler: ModelWrapValidatorHandler[Source]) -> Source:
        source = handler(data)
        given = data.items() if isinstance(data, dict) else ()
        source._secret_files = tuple(Path(str(value)) for key, value in given if str(key).endswith("_file"))
        return source

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """The files that options were read from."""
        return self._secret_files

    @model_validator(mode="before")
    @classmethod
    def _gather_options(cls, data: object) -> object:
        if not isinstance(data, dict) or "options" in data:
            return data
        own = {key: data[key] for key in ("name", "kind") if key in data}
        options = {key: value for key, value in data.items() if key not in own}
        if own.get("kind") in ("rss", "http", "replay"):
            from stream.sources import read_options
            from stream.sources.errors import SourceOptionsError

            try:
                options = _with_files(options)
                read_options(own["kind"], options)
            except SourceOptionsError as error:
                raise ValueError(str(error)) from error
        return {**own, "options": options}


def _with_files(options: dict[str, Any]) -> dict[str, Any]:
    read = {}
    for key, value in options.items():
        if not key.endswith("_file"):
            read[key] = value
            continue
        name = key.removesuffix("_file")
        if name in options:
            raise ValueError(f"both {name} and {key} are given: keep one of them")
        try:
            read[name] = Path(str(value)).read_text().strip()
        except OSError as error:
            raise ValueError(f"{key} cannot be read: {error}") from error
    return read
