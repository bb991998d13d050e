"""Gzip that cannot surprise: every byte that comes out is counted before it exists."""

from __future__ import annotations

import zlib

from stream.sources.errors import InflatedTooLargeError, InflateError

__all__ = ["Inflater"]

_GZIP = 16 + zlib.MAX_WBITS


class Inflater:
    """Inflates gzip as it arrives, several members in a row included, up to `limit` bytes in all."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def feed(self, chunk: bytes) -> bytes:
        """What `chunk` inflates to. Raises InflatedTooLargeError beyond the limit and InflateError for damage."""
        out = bytearray()
        while chunk:
            if self._member.eof:
                self._member, self._begun = zlib.decompressobj(_GZIP), False
            self._begun = True
            try:
                # One byte more than is left tells "exactly full" from "too much".
                piece = self._member.decompress(chunk, self._left + 1)
            except zlib.error as error:
                raise InflateError(f"this is no gzip: {error}") from error
            if len(piece) > self._left:
                raise InflatedTooLargeError(f"grows beyond {self._limit:,} bytes")
            self._left -= len(piece)
            out += piece
            chunk = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        return bytes(out)

    def finish(self) -> None:
        """Raises InflateError when the last member is not complete."""
        if not self._begun or not self._member.eof:
            raise InflateError("the gzip ends early")
