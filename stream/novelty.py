"""New story, reprint or same item: the last days' signatures in Redis, so that several scorers agree.

One atomic script places one document; a batch of documents is one round trip. Placing is idempotent: a document that
is scored again after a crash gets the story and the novelty that it got at first.

Memory: one document takes about 3.2 kB of Redis, for as long as the window: 100,000 documents a day over the default
72 hours are 1 GB at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

import msgspec
import redis
from redis.exceptions import NoScriptError

from storage.records import Novelty
from stream.signatures import PERMUTATIONS, Signature, signature

__all__ = ["Place", "StoryIndex", "StoryItem"]

_MOST_IN_BAND = 8
"""A band keeps its newest documents only: a template that thousands of notices share stays cheap to look up."""

_NOVELTIES: dict[bytes, Novelty] = {b"n": "new", b"r": "reprint", b"s": "same"}

# A stored document: story (16 bytes) | n or r | published, seconds (double) | origin (8) | signature (128).
# The numbers below are positions in that record; Lua counts from 1.
_PLACE = """
local id, published, origin, values = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local least, window, keep_ms = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local most, documents = tonumber(ARGV[8]), ARGV[9]

local known = redis.call('GET', KEYS[1])
if known then
  local first = string.sub(known, 26, 33)
  if origin ~= '' and first ~= '\\0\\0\\0\\0\\0\\0\\0\\0' and origin ~= first then
    return string.sub(known, 1, 16) .. 's'
  end
  return string.sub(known, 1, 17)
end

local function alike(other)
  local equal = 0
  for at = 1, #values, 2 do
    local a, b = string.byte(values, at, at + 1)
    local c, d = string.byte(other, at + 33, at + 34)
    if a == c and b == d then equal = equal + 1 end
  end
  return equal
end

local bands, seen = {}, {}
local story, novelty, best, best_at = id, 'n', least - 1, math.huge
for n = 2, #KEYS do
  bands[n] = redis.call('GET', KEYS[n]) or ''
  for at = 1, #bands[n], 16 do
    local other_id = string.sub(bands[n], at, at + 15)
    if not seen[other_id] then
      seen[other_id] = true
      local other = redis.call('GET', documents .. other_id)
      if other then
        local other_at = struct.unpack('>d', string.sub(other, 18, 25))
        if math.abs(other_at - published) <= window then
          local equal = alike(other)
          if equal > best or (equal == best and novelty == 'r' and other_at < best_at) then
            story, novelty, best, best_at = string.sub(other, 1, 16), 'r', equal, other_at
          end
        end
      end
    end
  end
end

if origin == '' then origin = '\\0\\0\\0\\0\\0\\0\\0\\0' end
redis.call('SET', KEYS[1], story .. novelty .. struct.pack('>d', published) .. origin .. values, 'PX', keep_ms)
for n = 2, #KEYS do
  local kept = string.sub(bands[n], math.max(1, #bands[n] - 16 * (most - 1) + 1))
  redis.call('SET', KEYS[n], kept .. id, 'PX', keep_ms)
end
return story .. novelty
"""


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
    ) -> None:
        """Texts whose publication is more than `window` apart are never one story. Entries leave Redis after `keep`
        of wall time (default: the window). Raises ValueError for a client that decodes its answers."""
        if client.connection_pool.connection_kwargs.get("decode_responses"):
            raise ValueError("StoryIndex keeps bytes in Redis: make its client without decode_responses")
        self._redis = client
        self._documents = f"{prefix}story:d:".encode()
        self._bands = f"{prefix}story:b:".encode()
        self._window_s = window.total_seconds()
        self._keep_ms = max(1, int((keep or window).total_seconds() * 1000))
        self._sha = ""

    def place(self, items: Sequence[StoryItem]) -> list[Place]:
        """Places each item after those before it, in one round trip; answers in the same order.

        Raises redis.RedisError where Redis cannot be reached; placing the same items again is safe then.
        """
        if not items:
            return []
        calls = [self._call(item, signature(item.text)) for item in items]
        try:
            answers = self._run(calls)
        except NoScriptError:  # the first time, and after a restart of Redis
            self._sha = self._redis.script_load(_PLACE)
            answers = self._run(calls)
        return [Place(story_id=UUID(bytes=one[:16]), novelty=_NOVELTIES[one[16:17]]) for one in answers]

    def _run(self, calls: Sequence[tuple[int, list[bytes | str | float]]]) -> list[bytes]:
        if not self._sha:
            raise NoScriptError
        with self._redis.pipeline(transaction=False) as pipe:
            for keys, arguments in calls:
                pipe.evalsha(self._sha, keys, *arguments)
            answers: list[bytes] = pipe.execute()
        return answers

    def _call(self, item: StoryItem, sketch: Signature) -> tuple[int, list[bytes | str | float]]:
        key = item.document_id.bytes
        bands = [self._bands + bytes([number]) + band for number, band in enumerate(sketch.bands)]
        origin = blake2b(item.origin.encode(), digest_size=8).digest() if item.origin else b""
        arguments: list[bytes | str | float] = [self._documents + key, *bands]
        arguments += [key, item.published_at.timestamp(), origin, sketch.values or bytes(2 * PERMUTATIONS)]
        arguments += [sketch.least_equal, self._window_s, self._keep_ms, _MOST_IN_BAND, self._documents]
        return 1 + len(bands), arguments
