"""What analysts and operators write: matchers of silences, times to come, searches, files of counts."""

from __future__ import annotations

from datetime import timedelta

from target import ARRIVED, Target, as_file, parted, promise, storable_text, text_of

from alerts.answers.matchers import as_json, from_json, parse
from alerts.detection.count_files import read_counts, write_scores
from alerts.errors import CountsFileError, MatcherError
from deploy.errors import UsageError
from deploy.moments import moment
from storage.search_terms import indexed, queried

__all__ = ["ANALYSTS"]


def _matcher(data: bytes) -> None:
    """A matcher that is taken is the same after it was stored; what it matches is not tried (docs/reliability.md)."""
    one = parse(text_of(data))
    promise(from_json(as_json([one])) == (one,), "a matcher survives the database")
    promise(parse(str(one)) == one, "a matcher reads as it is written")


def _moment(data: bytes) -> None:
    for_, until = parted(data, 2)
    at = moment(ARRIVED, for_=text_of(for_), until=text_of(until))
    promise(at.tzinfo is not None, "a time with a zone")


def _search(data: bytes) -> None:
    text = text_of(data)
    words, prefixes = queried(text)
    promise(storable_text([words.encode("utf-8", "replace").decode(), prefixes]), "no null character")
    indexed(text, text)


def _counts(data: bytes) -> None:
    with as_file(data, "counts.csv") as path:
        counts = read_counts(path)
        promise(len(counts.places) == len(counts.stamps) == len(set(counts.places)), "a bucket for each row")
        again = path.with_name("counts.csv.again")
        write_scores(again, counts, [0.5] * len(counts.stamps))
        promise(read_counts(again).stamps == counts.stamps, "its own spelling of time")


_ROWS = (f"{ARRIVED + timedelta(minutes=5 * n):%Y-%m-%d %H:%M:%S},{n}\n" for n in range(9))
_COUNTS = ("timestamp,value\n" + "".join(_ROWS)).encode()
_COUNTS_WORDS = (b",", b"timestamp", b"+08:00", b"inf")
_MOMENTS = (b"90m", b"1d12h", b"\x1e\x1e2026-11-30T08:00+08:00")
_MATCHERS = (b"severity=watch", b'name=~"Bank.*"', b'group!~"a|b"', 'topic != "破产"'.encode())
_REGEX = (b"=~", b"!~", b"{9}", b"(?i)", b"(?P<x>", b"\\1", b"[a-", b"(?<=")
_SEARCHES = ('"债券 违约" OR bank -股'.encode(), b"profit warning")

ANALYSTS = (
    Target("matchers", _matcher, _MATCHERS, _REGEX, (MatcherError,)),
    Target("moments", _moment, _MOMENTS, (b"w", b"d", b"Z"), (UsageError,)),
    Target("searches", _search, _SEARCHES, (b'"', b" OR ", b"-", b"*")),
    Target("count_files", _counts, (_COUNTS,), _COUNTS_WORDS, (CountsFileError,), 0.5),
)
