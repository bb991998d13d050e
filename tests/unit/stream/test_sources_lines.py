"""Lines come out of a file in order, with bounded memory, whatever the file is."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sources import lines
from stream.sources.errors import ReplayError
from stream.sources.lines import LineFile


def contents(path: Path, limit: int = 1000) -> list[tuple[int, bytes]]:
    return [(line.number, line.content) for line in LineFile(path, max_line_bytes=limit).lines()]


def test_a_gzip_is_known_by_its_content_and_reads_like_the_plain_file(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbf{"title": "a"}\r\n\n   \n{"title": "b"}'
    plain, packed = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl"
    plain.write_bytes(text)
    packed.write_bytes(gzip.compress(text[:10]) + gzip.compress(text[10:]))
    assert contents(plain) == contents(packed) == [(1, b'{"title": "a"}'), (4, b'{"title": "b"}')]


@given(lengths=st.lists(st.integers(1, 60), max_size=12), limit=st.integers(1, 40))
def test_a_line_that_is_too_long_is_cut_and_the_next_one_is_whole(
    lengths: list[int], limit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("lines") / "file"
    path.write_bytes(b"\n".join(b"x" * length for length in lengths))
    found = list(LineFile(path, max_line_bytes=limit).lines())
    assert [line.number for line in found] == list(range(1, len(lengths) + 1))
    assert [line.content for line in found] == [b"x" * min(length, limit) for length in lengths]
    assert [line.size > limit for line in found] == [length > limit for length in lengths]


def test_a_line_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_HOPELESS_BYTES", 5_000_000)
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(bytes(20_000_000), compresslevel=1))
    with pytest.raises(ReplayError, match=r"bomb\.gz: line 1 is longer than"):
        contents(bomb)


def test_a_cut_gzip_gives_what_it_has_and_then_says_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\nthree\n" * 50)[:-12])
    found = []
    with pytest.raises(ReplayError, match=r"cut\.gz is damaged after line \d+: .*fetch the file again"):
        found.extend(line.content for line in LineFile(path, max_line_bytes=100).lines())
    assert found[:2] == [b"one", b"two"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=r"absent\.jsonl cannot be read: No such file"):
        LineFile(tmp_path / "absent.jsonl", max_line_bytes=10)


def test_identity_follows_content_and_not_place(tmp_path: Path) -> None:
    def identity(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        return LineFile(tmp_path / name, max_line_bytes=10).identity

    assert identity("a", b"one\n") == identity("b", b"one\n")
    assert len({identity("c", b"one\n"), identity("d", b"one\ntwo\n"), identity("e", b"owe\n")}) == 3


def test_position_moves_through_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one\ntwo\n")
    file = LineFile(path, max_line_bytes=10)
    assert file.position == 0
    reading = file.lines()
    next(reading)
    assert 0 < file.position <= file.size == 8
