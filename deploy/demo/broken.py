"""Records that no one can read, each with the reason under which it must be filed, and how it comes about."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from random import Random

__all__ = ["Broken", "broken_records"]

_BOMB_BYTES = 40 * 1024 * 1024
"""Above what intake is willing to inflate; 40 KB on the wire."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The bytes of one unreadable record. `reason` is one of the closed list of dead reasons."""

    value: bytes
    reason: str
    headers: tuple[tuple[str, bytes], ...] = ()


def broken_records(rng: Random) -> list[Broken]:
    """One of each sort; the numbers in them come from `rng`."""
    number = rng.randrange(10**6)
    story = {"source": "broken.example", "guid": f"b-{number}", "title": f"Notice {number}", "body": "A short text."}
    whole = json.dumps(story).encode()
    return [
        Broken(f"<html><body><h1>502 Bad Gateway</h1>{number}</body></html>".encode(), "not_json"),
        Broken(whole[: len(whole) // 2], "not_json"),
        Broken(b"", "not_json"),
        Broken(json.dumps([story]).encode(), "wrong_shape"),
        Broken(json.dumps({**story, "title": number}).encode(), "wrong_shape"),
        Broken(json.dumps({**story, "body": {"html": "text"}}).encode(), "wrong_shape"),
        Broken(json.dumps({key: text for key, text in story.items() if key != "source"}).encode(), "wrong_shape"),
        Broken(json.dumps({**story, "title": " ", "body": "\u3000\n"}).encode(), "no_text"),
        Broken(json.dumps({**story, "title": "", "body": "<p>&nbsp;</p><br/>"}).encode(), "no_text"),
        Broken(b'{"source":"broken.example","title":"\xff\xfe\xf8\x88 ' + str(number).encode() + b'"}', "not_utf8"),
        Broken(_bomb(), "decompression_bomb", (("content-encoding", b"gzip"),)),
    ]


@cache
def _bomb() -> bytes:
    return gzip.compress(b'{"source":"broken.example","body":"' + b" " * _BOMB_BYTES, compresslevel=6, mtime=0)
