"""New story, reprint or same item: the last days' signatures in Redis, so that several scorers agree.

One atomic script places one document; a batch of documents is one round trip. Placing is idempotent: a document that
is scored again after a crash gets the story and the novelty that it got at first.

Memory: one document takes about 3.2 kB of Redis, for as long as the window: 100,000 documents a day over the default
72 hours are 1 GB at most.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

import msgspec
import redis
from redis.exceptions import NoScriptError

from storage.copy_mark import CopyMark
from storage.records import Novelty
from stream.signatures import PERMUTATIONS, Signature, signature
from stream.story_scripts import PLACE, REMEMBER

__all__ = ["Known", "Place", "StoryIndex", "StoryItem"]

_MOST_IN_BAND = 8
"""A band keeps its newest documents only: a template that thousands of notices share stays cheap to look up."""

_NOVELTIES: dict[bytes, Novelty] = {b"n": "new", b"r": "reprint", b"s": "same"}


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A document as it was placed once, to be remembered for `left`; see `StoryItem`."""

    document_id: UUID
    text: str
    published_at: datetime
    origin: str
    story_id: UUID
    left: timedelta


class StoryItem(msgspec.Struct, frozen=True, kw_only=True):
    """A document to place. `text` is plain, `published_at` aware.

    `origin` tells the record apart that it came from (such as `topic/partition/offset`); with it, the same document
    at another origin is `same`. Without it, a document always gets its first answer again.
    """

    document_id: UUID
    text: str
    published_at: datetime
    origin: str = ""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """`story_id` is the document_id of the first document that told the story."""

    story_id: UUID
    novelty: Novelty


class StoryIndex:
    """The index of recent stories under one prefix of a Redis database. Safe to share between threads."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        prefix: str = "yuqing:",
        window: timedelta = timedelta(hours=72),
        keep: timedelta | None = None,
        restore: Callable[[StoryIndex], None] | None = None,
    ) -> None:
        """Where Redis has lost the index, `restore` puts it back before anything is placed: see `remember`.

        Texts whose publication is more than `window` apart are never one story. Entries leave Redis after `keep`
        of wall time (default: the window). Raises ValueError for a client that decodes its answers."""
        if client.connection_pool.connection_kwargs.get("decode_responses"):
            raise ValueError("StoryIndex keeps bytes in Redis: make its client without decode_responses")
        self._redis = client
        self._documents = f"{prefix}story:d:".encode()
        self._bands = f"{prefix}story:b:".encode()
        self._window_s = window.total_seconds()
        self._keep_ms = max(1, int((keep or window).total_seconds() * 1000))
        self._sha = ""
        self._mark = CopyMark(client, f"{prefix}story_whole")
        self._restore = restore
        self._remember = client.register_script(REMEMBER)

    def place(self, items: Sequence[StoryItem]) -> list[Place]:
        """Places each item after those before it, in one round trip; answers in the same order.

        Raises redis.RedisError where Redis cannot be reached; placing the same items again is safe then.
        """
        if not items:
            return []
        calls = [self._call(item, signature(item.text)) for item in items]
        whole = self._mark.whole()
        answers: list[bytes] = []
        while not answers or b"lost" in answers:  # forgotten between this look and the script that looks again
            if not whole:
                self._mark.begin()
                if self._restore is not None:
                    self._restore(self)
                self._mark.finish()
            answers = self._run(calls)
            whole = False
        return [Place(story_id=UUID(bytes=one[:16]), novelty=_NOVELTIES[one[16:17]]) for one in answers]

    def remember(self, documents: Sequence[Known], *, newer: bool = False) -> int:
        """Puts documents back that were placed before; what is there already stays. Returns how many it was given.

        Stored ones the newest first, then those that are `newer` in their order.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            for one in documents:
                if one.left > timedelta():
                    keys, arguments = self._record(one)
                    self._remember(keys, [*arguments, int(newer)], client=pipe)
            pipe.execute()
        return len(documents)

    def _record(self, one: Known) -> tuple[list[bytes], list[bytes | str | float]]:
        sketch = signature(one.text)
        held = one.story_id.bytes + (b"n" if one.story_id == one.document_id else b"r")
        held += struct.pack(">d", one.published_at.timestamp()) + _origin(one.origin)
        held += sketch.values or bytes(2 * PERMUTATIONS)
        left_ms = max(1, int(one.left.total_seconds() * 1000))
        arguments: list[bytes | str | float] = [one.document_id.bytes, held, left_ms, _MOST_IN_BAND, self._keep_ms]
        return self._keys(one.document_id, sketch), arguments

    def _run(self, calls: Sequence[tuple[int, list[bytes | str | float]]]) -> list[bytes]:
        try:
            return self._run_loaded(calls)
        except NoScriptError:  # the first time, and after a restart of Redis
            self._sha = self._redis.script_load(PLACE)
            return self._run_loaded(calls)

    def _run_loaded(self, calls: Sequence[tuple[int, list[bytes | str | float]]]) -> list[bytes]:
        if not self._sha:
            raise NoScriptError
        with self._redis.pipeline(transaction=False) as pipe:
            for keys, arguments in calls:
                pipe.evalsha(self._sha, keys, *arguments)
            answers: list[bytes] = pipe.execute()
        return answers

    def _call(self, item: StoryItem, sketch: Signature) -> tuple[int, list[bytes | str | float]]:
        keys = self._keys(item.document_id, sketch)
        arguments: list[bytes | str | float] = [*keys, item.document_id.bytes, item.published_at.timestamp()]
        arguments += [_origin(item.origin) if item.origin else b"", sketch.values or bytes(2 * PERMUTATIONS)]
        arguments += [sketch.least_equal, self._window_s, self._keep_ms, _MOST_IN_BAND, self._documents, self._mark.key]
        return len(keys), arguments

    def _keys(self, document_id: UUID, sketch: Signature) -> list[bytes]:
        bands = [self._bands + bytes([number]) + band for number, band in enumerate(sketch.bands)]
        return [self._documents + document_id.bytes, *bands]


def _origin(origin: str) -> bytes:
    return blake2b(origin.encode(), digest_size=8).digest()
