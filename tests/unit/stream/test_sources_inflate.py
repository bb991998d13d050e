"""Gzip from strangers is inflated up to its limit and not a byte further."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sources.errors import InflatedTooLargeError, InflateError
from stream.sources.inflate import Inflater


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=4), st.integers(1, 300))
def test_members_in_a_row_come_out_whole_however_they_are_cut(members: list[bytes], step: int) -> None:
    packed = b"".join(gzip.compress(member) for member in members)
    plain = b"".join(members)
    inflater = Inflater(len(plain))
    assert b"".join(inflater.feed(packed[at : at + step]) for at in range(0, len(packed), step)) == plain
    inflater.finish()


@given(st.binary(min_size=1, max_size=3000), st.integers(1, 100))
def test_one_byte_over_the_limit_is_too_much(plain: bytes, step: int) -> None:
    packed = gzip.compress(plain)
    inflater = Inflater(len(plain) - 1)
    with pytest.raises(InflatedTooLargeError):
        b"".join(inflater.feed(packed[at : at + step]) for at in range(0, len(packed), step))


def test_a_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(bytes(200_000_000), compresslevel=1)
    with pytest.raises(InflatedTooLargeError, match="1,000,000 bytes"):
        Inflater(1_000_000).feed(bomb)


@given(st.binary(min_size=1, max_size=500), st.data())
def test_an_early_end_is_noticed(plain: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(plain)
    inflater = Inflater(1000)
    inflater.feed(packed[: data.draw(st.integers(0, len(packed) - 1))])
    with pytest.raises(InflateError, match="ends early"):
        inflater.finish()


@pytest.mark.parametrize("rubbish", [b"plain text", gzip.compress(b"good", mtime=0) + b"and more"])
def test_what_is_no_gzip_is_said_to_be_none(rubbish: bytes) -> None:
    with pytest.raises(InflateError, match="no gzip"):
        Inflater(1000).feed(rubbish)
