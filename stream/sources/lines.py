"""Reading a file of lines, plain or gzip, that may be larger than memory or made to hurt."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO

from stream.sources.errors import ReplayError

__all__ = ["Line", "LineFile"]

_CHUNK = 64 * 1024
_HOPELESS_BYTES = 1 << 30
"""A single line beyond this is no line: a gzip of zeros inflates a thousandfold, and would be read for hours."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `number` counts from 1. `content` has no line end, and of a line that is too long only the start."""

    number: int
    content: bytes
    size: int
    """Its whole length in bytes, without its end."""


class LineFile:
    """A file of lines. A gzip is known by its first bytes, whatever the name."""

    def __init__(self, path: Path, *, max_line_bytes: int) -> None:
        """Raises ReplayError when there is no such file or it cannot be read."""
        self._path = path
        self._limit = max_line_bytes
        self._on_disk: IO[bytes] | None = None
        try:
            self.size = path.stat().st_size
            with path.open("rb") as file:
                head = file.read(_CHUNK)
                file.seek(max(0, self.size - _CHUNK))
                tail = file.read(_CHUNK)
        except OSError as error:
            raise ReplayError(f"{path} cannot be read: {error.strerror}") from error
        self._is_gzip = head.startswith(b"\x1f\x8b")
        digest = blake2b(head, digest_size=16)
        digest.update(tail)
        digest.update(str(self.size).encode())
        self.identity = digest.hexdigest()
        """Names the content, not the place: a file that moves keeps it, one that grows loses it."""

    @property
    def position(self) -> int:
        """How many bytes of the file on disk have been read, for a progress bar."""
        return 0 if self._on_disk is None or self._on_disk.closed else self._on_disk.tell()

    def lines(self) -> Iterator[Line]:
        """Every line that is not blank, in order. Raises ReplayError, naming the line, where the file is damaged."""
        number = 0
        try:
            with self._path.open("rb") as self._on_disk:
                text: IO[bytes] = gzip.GzipFile(fileobj=self._on_disk) if self._is_gzip else self._on_disk  # type: ignore[assignment]
                while start := text.readline(self._limit + 1):
                    number += 1
                    size = len(start.removesuffix(b"\n"))
                    if size > self._limit:
                        size += self._skip_rest(text, number)
                    content = start[: self._limit].strip()
                    if number == 1:
                        content = content.removeprefix(b"\xef\xbb\xbf")
                    if content:
                        yield Line(number, content, size)
        except (EOFError, gzip.BadGzipFile, zlib.error, OSError) as error:
            raise ReplayError(
                f"{self._path} is damaged after line {number}: {error}. What came before is published; "
                "fetch the file again and replay it from the beginning; what is there already is recognised."
            ) from error

    def _skip_rest(self, text: IO[bytes], number: int) -> int:
        skipped = 0
        while piece := text.readline(_CHUNK):
            skipped += len(piece.removesuffix(b"\n"))
            if piece.endswith(b"\n"):
                break
            if skipped > _HOPELESS_BYTES:
                raise ReplayError(f"{self._path}: line {number} is longer than 1 GiB: this is no file of JSON lines.")
        return skipped
