"""A parser under test: what it is fed, and which errors it may answer with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir

from mutations import BETWEEN

__all__ = [
    "ARRIVED",
    "BrokenPromiseError",
    "Target",
    "as_file",
    "headers_of",
    "lines_of",
    "parted",
    "promise",
    "storable_text",
    "storable_time",
    "text_of",
]

ARRIVED = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Target:
    """`parse` takes one input and checks what it promises of the result (`promise`).

    `allowed`: the errors that its documentation names. `examples` are valid, of our own making; `words` mean something
    to it. `share`: of a campaign's inputs, as a weight; parsers that take long get less. `most_s` is the processor time
    that an input may take, some fifty times what the slowest honest one does.
    """

    name: str
    parse: Callable[[bytes], object]
    examples: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    allowed: tuple[type[Exception], ...] = ()
    share: float = 1.0
    most_s: float = 5.0


class BrokenPromiseError(Exception):
    """A parser accepted an input and gave what it says it never gives."""


def promise(kept: object, what: str) -> None:
    """Raises BrokenPromiseError where `kept` is false; `what` was promised."""
    if not kept:
        raise BrokenPromiseError(what)


def text_of(data: bytes) -> str:
    """Any text, lone surrogates included, which some of our callers can hand in."""
    return data.decode("utf-8", "surrogatepass" if data.isascii() else "surrogateescape")


def parted(data: bytes, parts: int) -> list[bytes]:
    """An input of several parts: value, headers, and the like; those that are absent are empty."""
    found = data.split(BETWEEN, parts - 1)
    return found + [b""] * (parts - len(found))


def headers_of(part: bytes) -> tuple[tuple[str, bytes], ...]:
    """Lines of `name: value` as a Kafka client gives headers."""
    pairs = (line.partition(b":") for line in part.split(b"\n") if line)
    return tuple((name.decode("utf-8", "replace"), value.strip(b" ")) for name, _, value in pairs)


def lines_of(headers: Iterable[tuple[str, bytes]]) -> bytes:
    """The part of an input that `headers_of` reads back."""
    return BETWEEN + b"\n".join(name.encode() + b": " + value for name, value in headers)


@contextmanager
def as_file(data: bytes, name: str) -> Iterator[Path]:
    """A file in memory where there is one (/dev/shm), in the folder for temporary files otherwise."""
    memory = Path("/dev/shm")
    folder = (memory if memory.is_dir() else Path(gettempdir())) / f"yuqing-fuzz-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    try:
        yield path
    finally:
        for left in folder.glob(f"{name}*"):
            left.unlink()
        folder.rmdir()


def storable_text(texts: Iterable[str]) -> bool:
    """Whether PostgreSQL takes these texts: no null character, no lone surrogate."""
    return all("\0" not in text and text.encode("utf-8", "replace").decode() == text for text in texts)


def storable_time(at: datetime) -> bool:
    """Whether PostgreSQL takes a time and its driver can read it back: aware, and in the years 1 to 9999 of UTC."""
    try:
        return at.tzinfo is not None and at.astimezone(UTC) is not None
    except OverflowError:
        return False
