"""What can be said of a source: one class per kind, told apart by `kind`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from deploy.sections import Positive, Seconds, Section

__all__ = ["HttpSource", "ReplaySource", "RssSource", "ScrapySource", "Source"]


class _Named(Section):
    name: str = Field(pattern=r"^[a-zA-Z0-9_.-]+$")


class RssSource(_Named):
    """RSS and Atom feeds, fetched politely: conditional GET, one request per host at a time, back-off."""

    kind: Literal["rss"]
    urls: tuple[Annotated[str, Field(pattern=r"^https?://")], ...] = Field(min_length=1)
    every_s: Seconds = 300
    allow_private: bool = False


class HttpSource(_Named):
    """`POST /documents`: JSON or JSON lines, with a token, answered 202 once the broker has them."""

    _secrets = ("token",)
    kind: Literal["http"]
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65_535)
    token: SecretStr = Field(min_length=1)
    token_file: Path | None = None
    max_bytes: Positive = 8 * 1024 * 1024


class ReplaySource(_Named):
    """JSON-lines files (plain or gz), published in event time at a multiple of its pace; 'max' does not wait.

    `fields` maps a field of a document to its name in the file. It goes on where it was stopped.
    """

    kind: Literal["replay"]
    files: tuple[Path, ...] = Field(min_length=1)
    speed: Annotated[float, Field(gt=0)] | Literal["max"] = 1
    fields: dict[str, str] = Field(default_factory=dict)


class ScrapySource(_Named):
    """A Scrapy spider, run with the item pipeline that publishes to the log."""

    kind: Literal["scrapy"]
    spider: str = Field(pattern=r"^[\w.]+:\w+$")
    settings: dict[str, str | int | float | bool] = Field(default_factory=dict)


Source = Annotated[RssSource | HttpSource | ReplaySource | ScrapySource, Field(discriminator="kind")]
