"""Identical texts are answered from memory, and the memory has an end."""

from __future__ import annotations

from stream.repeats import Repeats, fingerprint


def test_the_one_unused_for_longest_is_forgotten_first() -> None:
    known: Repeats[str] = Repeats(2)
    known.put(b"a", "A")
    known.put(b"b", "B")
    assert known.get(b"a") == "A"
    known.put(b"c", "C")
    assert known.get(b"b") is None
    assert known.get(b"a") == "A"
    assert len(known) == 2


def test_a_capacity_of_nothing_remembers_nothing() -> None:
    known: Repeats[str] = Repeats(0)
    known.put(b"a", "A")
    assert known.get(b"a") is None


def test_fingerprints_tell_sequences_apart() -> None:
    assert fingerprint([1, 2, 3]) == fingerprint([1, 2, 3])
    assert len({fingerprint(ids) for ids in ([1, 2, 3], [1, 23], [12, 3], [3, 2, 1], [])}) == 5
    assert fingerprint([1, 2, 3], "en") != fingerprint([1, 2, 3], "zh")
