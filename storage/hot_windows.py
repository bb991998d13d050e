"""The newest minutes in Redis, for readers that ask often. A copy: it can be lost, and is rebuilt from PostgreSQL.

Each (entity, topic) has two keys: a hash `<prefix>hot:<entity>:<topic>` from "<bucket, epoch s>|<model version>" to
"<revision>|<row as JSON>", and a sorted set `<prefix>hot_order:<entity>:<topic>` of the same fields by bucket, to
find the old ones. It keeps what lies less than `keep` before its own newest bucket. That depends on event time alone,
not on the clock nor on the order of writes, so a rebuilt copy equals one that was kept up. One more key,
`<prefix>hot_whole`, says that the copy was made whole and kept so: it goes when Redis forgets everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, cast

import msgspec
import redis
from sqlalchemy import Engine, text

from storage.copy_mark import CopyMark
from storage.records import ANY_TOPIC
from storage.trend_rows import COLUMNS, TrendRow, from_columns

__all__ = ["HotWindows"]

_KEYS_A_CALL = 200
"""Redis does nothing else while a script runs: this many keys take about a millisecond."""

# KEYS: hash and order of each (entity, topic). ARGV: keep in seconds, and for each pair of keys its rows, in msgpack
# (the client packs one argument far quicker than thousands). A row is set where it is new or its revision is higher
# than the one held; then what has become old goes.
_SET = """
local keep, subjects = tonumber(ARGV[1]), cmsgpack.unpack(ARGV[2])
for pair, changed in ipairs(subjects) do
  local rows, order = KEYS[2 * pair - 1], KEYS[2 * pair]
  for _, row in ipairs(changed) do
    local field, bucket, revision, value = row[1], row[2], row[3], row[4]
    local held = redis.call('HGET', rows, field)
    if not held or tonumber(string.match(held, '^%d+')) < revision then
      redis.call('HSET', rows, field, value)
    end
    redis.call('ZADD', order, bucket, field)
  end
  local newest = redis.call('ZREVRANGE', order, 0, 0, 'WITHSCORES')[2]
  for _, field in ipairs(redis.call('ZRANGEBYSCORE', order, '-inf', tonumber(newest) - keep)) do
    redis.call('HDEL', rows, field)
    redis.call('ZREM', order, field)
  end
end
"""

# What belongs in Redis: the rows of each (entity, topic) less than `keep` before its newest.
_EXPECTED = f"""
SELECT {COLUMNS}
FROM (
    SELECT *, max(bucket) OVER (PARTITION BY entity_id, topic) AS newest FROM trend_counts
) counted
WHERE bucket > newest - :keep
ORDER BY entity_id, topic
"""  # noqa: S608 - COLUMNS is our own list of names


class HotWindows:
    """Sets and reads the hot rows. Safe to share between threads and processes.

    `prefix` is put before every key; `keep` is how much event time each entity and topic holds. Errors of Redis
    (redis.RedisError) pass through; the same call may be made again.
    """

    def __init__(self, client: redis.Redis, *, prefix: str = "yuqing:", keep: timedelta = timedelta(hours=24)) -> None:
        self._redis = client
        self._prefix = prefix
        self._mark = CopyMark(client, f"{prefix}hot_whole")
        self._keep = keep
        self._set = client.register_script(_SET)

    def set(self, rows: Iterable[TrendRow]) -> None:
        """Stores rows, in any order, any number of times: of each, the highest revision stays."""
        subjects: dict[tuple[str, str], list[tuple[str, int, int, str]]] = {}
        for row in rows:
            subjects.setdefault((row.entity_id, row.topic), []).append(_packed(row))
        keep = int(self._keep.total_seconds())
        with self._redis.pipeline(transaction=False) as pipeline:
            for part in _chunks(subjects.items(), _KEYS_A_CALL):
                keys = [self._key(kind, *subject) for subject, _ in part for kind in ("hot", "hot_order")]
                self._set(keys, [keep, msgspec.msgpack.encode([members for _, members in part])], client=pipeline)
            pipeline.execute()

    def read(self, entity_id: str, topic: str = ANY_TOPIC, *, since: datetime) -> list[TrendRow]:
        """The rows that start at or after `since`, by bucket and model version; one row per model version.

        What somebody else put under our keys is passed over; `mismatches` names it, `rebuild` removes it.
        """
        held = cast("dict[bytes, bytes]", self._redis.hgetall(self._key("hot", entity_id, topic)))
        rows = [row for value in held.values() if (row := _row(value)) and row.bucket >= since]
        return sorted(rows, key=lambda row: (row.bucket, row.model_version))

    def whole(self) -> bool:
        """Whether the copy was rebuilt since Redis started, and since it last forgot everything: see `CopyMark`."""
        return self._mark.whole()

    def rebuild(self, engine: Engine) -> int:
        """Throws the copy away and makes it anew from PostgreSQL; returns how many rows it has.

        Workers may go on setting rows meanwhile: theirs have higher revisions and win.
        """
        self._mark.begin()
        for kind in ("hot", "hot_order"):
            for keys in _chunks(self._keys(kind), 1000):
                self._redis.unlink(*keys)
        count = 0
        for rows in _chunks(self._expected(engine), 5000):
            self.set(rows)
            count += len(rows)
        self._mark.finish()  # where it fails, the next look finds that the copy is not whole
        return count

    def mismatches(self, engine: Engine) -> list[str]:
        """Where Redis differs from PostgreSQL, a line each, sorted; empty when they agree.

        A worker sets Redis just after its commit, so what differs is looked at twice, and only what differs in the
        same way both times is reported.
        """
        first = self._compare(engine)
        return sorted(set(first) & set(self._compare(engine))) if first else []

    def _compare(self, engine: Engine) -> list[str]:
        held, lines = self._held()
        for row in self._expected(engine):
            found = held.pop(_identity(row), None)
            if found is None:
                lines.append(f"{_named(row)}: missing from Redis")
            elif found != row:
                lines.append(f"{_named(row)}: {_difference(found, row)}")
        lines += [f"{_named(row)}: in Redis, but not among the hot rows of PostgreSQL" for row in held.values()]
        return lines

    def _held(self) -> tuple[dict[tuple[str, str, datetime, str], TrendRow], list[str]]:
        held: dict[tuple[str, str, datetime, str], TrendRow] = {}
        strange = []
        for keys in _chunks(self._keys("hot"), 500):
            with self._redis.pipeline(transaction=False) as pipeline:
                for key in keys:
                    pipeline.hvals(key)
                for key, values in zip(keys, pipeline.execute(), strict=True):
                    rows = [_row(value) for value in values]
                    held.update({_identity(row): row for row in rows if row})
                    if unreadable := rows.count(None):
                        strange.append(f"hot rows in Redis, {key!r}: {unreadable} are unreadable")
        return held, strange

    def _expected(self, engine: Engine) -> Iterator[TrendRow]:
        with engine.connect().execution_options(stream_results=True, yield_per=5000) as connection:
            for values in connection.execute(text(_EXPECTED), {"keep": self._keep}):
                yield from_columns(tuple(values))

    def _keys(self, kind: str) -> Iterator[Any]:
        return iter(self._redis.scan_iter(match=f"{_literal(self._prefix)}{kind}:*", count=1000))

    def _key(self, kind: str, entity_id: str, topic: str) -> str:
        # A colon in an id must not make two subjects share a key.
        return f"{self._prefix}{kind}:{_quoted(entity_id)}:{_quoted(topic)}"


def _quoted(name: str) -> str:
    return name.replace("%", "%25").replace(":", "%3A") if "%" in name or ":" in name else name


def _identity(row: TrendRow) -> tuple[str, str, datetime, str]:
    return row.entity_id, row.topic, row.bucket, row.model_version


def _packed(row: TrendRow) -> tuple[str, int, int, str]:
    bucket = int(row.bucket.timestamp())
    return f"{bucket}|{row.model_version}", bucket, row.revision, f"{row.revision}|{msgspec.json.encode(row).decode()}"


def _row(value: bytes | str) -> TrendRow | None:
    """The row that a value holds; None where it is none of ours."""
    held = value.encode("utf-8", "replace") if isinstance(value, str) else value
    try:
        row = msgspec.json.decode(held.partition(b"|")[2], type=TrendRow)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return row if row.bucket.tzinfo else None


def _named(row: TrendRow) -> str:
    return f"hot row {row.entity_id} / {row.topic} / {row.bucket:%Y-%m-%dT%H:%MZ} / {row.model_version}"


def _difference(held: TrendRow, stored: TrendRow) -> str:
    name = next(name for name in TrendRow.__struct_fields__ if getattr(held, name) != getattr(stored, name))
    return f"{name} is {getattr(held, name)} in Redis and {getattr(stored, name)} in PostgreSQL"


def _literal(prefix: str) -> str:
    return "".join(f"\\{sign}" if sign in "*?[]\\^" else sign for sign in prefix)


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
