"""Inputs made to hurt: valid examples that were cut, spliced, nested, re-encoded, inflated and filled with oddities.

An input is a pure function of the dice, so a seed and a number name it.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

__all__ = ["BETWEEN", "MOST_BYTES", "mutated"]

BETWEEN = b"\x1e\x1e"
"""Between the parts of an input: a value, headers, and the like."""

MOST_BYTES = 1 << 18
"""No input is longer: what grows without end is cut here, so that a bound on time can be a small one."""

_ODD_BYTES = (
    *(b"\0", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1b[31m"),
    *(b"\\ud83d", b"\\udc00\\ud800", b"\\u0000", b"\\", b'"', b"'", b"\r", b"\n", b"\r\n", b"\x0b", b"\x85", b"\xa0"),
    *(b"&#xD800;", b"&#0;", b"&#99999999;", b"&amp;lt;", b"&nope;", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<script>"),
    *(b"%00", b"%ff", b"%", b"..", b"/", b"//", b"@", b":", b"[::1]", b"[", b"]", b"{", b"}", b",", b";", b"|", b"#"),
    *(b"null", b"true", b"{}", b"[]", b'""', b"NaN", b"-Infinity", b"1e400", b"-0", b"0x10", b"1_000", b"None"),
)  # fmt: skip
_ODD_TEXT = ("\u202e", "\u2028", "\ufeff", "\ufffe", "\U000e0041", "e" + "\u0301" * 40, "\U0001f4c9", "ﬁİß１２")
ODDITIES = (*_ODD_BYTES, *(text.encode() for text in _ODD_TEXT))
NUMBERS = (
    *("0", "-1", "1", "00", "24", "60", "9999", "0.1", "2147483648", "-2147483649", "253402300800", "-62135596801"),
    *("9223372036854775807", "9223372036854775808", "1" + "0" * 30, "9" * 400, "7" * 5000, "1e308", "1e-400"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**31, 2**63, 10**30, 1.5, float("nan"), float("inf"), "", " ", "\0", "-1", "%s", "9" * 40),
    *("\ud800", "\U0001f4c9", "公司", "x" * 3000, "<b>" * 40, [], {}, [[]], {"": None}, ["a", 1], {"a": {"b": []}}),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2024-02-30"),
)  # fmt: skip
_CODINGS = ("utf-16", "utf-16-le", "utf-16-be", "gb18030", "big5", "cp1252", "utf-32", "utf-8-sig", "utf-7")
_DEEP = (
    *(b"[", b'{"a":', b"<div>", b"<a><b>", b"(", b"((a+", b"<?xml ?>", b"&lt;", b"'", b'"', b"<!--", b"<", b"{", b"[["),
)
_BOMB = gzip.compress(b"[" * (100 * MOST_BYTES), compresslevel=1, mtime=0)

Mutation = Callable[[Random, bytes, Sequence[bytes], Sequence[bytes]], bytes]


def mutated(dice: Random, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """One input: an example after one to eight mutations, at times none. `words` mean something to the parser."""
    data = dice.choice(examples)
    for _ in range(dice.choice((0, 1, 1, 1, 1, 2, 2, 3, 5, 8))):
        data = dice.choices(_MUTATIONS, _WEIGHTS)[0](dice, data, examples, words)[:MOST_BYTES]
    return data


def _span(dice: Random, data: bytes) -> tuple[int, int]:
    start = dice.randrange(len(data) + 1)
    return start, min(len(data), start + int(dice.paretovariate(0.7)))


def _flip(dice: Random, data: bytes, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    if not data:
        return bytes([dice.randrange(256)])
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << dice.randrange(8))]) + data[at + 1 :]


def _insert(dice: Random, data: bytes, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    at = dice.randrange(len(data) + 1)
    piece = dice.choice(ODDITIES if not words or dice.random() < 0.6 else words)
    return data[:at] + piece * dice.choice((1, 1, 1, 2, 50)) + data[at:]


def _noise(dice: Random, data: bytes, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    start, end = _span(dice, data)
    return data[:start] + dice.randbytes(dice.randrange(1, 12)) + data[end:]


def _delete(dice: Random, data: bytes, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    start, end = _span(dice, data)
    return data[:start] + data[end:]


def _repeat(dice: Random, data: bytes, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    start, end = _span(dice, data)
    return data[:end] + data[start:end] * dice.choice((1, 3, 30, 1000)) + data[end:]


def _splice(dice: Random, data: bytes, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    other = dice.choice(examples)
    return data[: dice.randrange(len(data) + 1)] + other[dice.randrange(len(other) + 1) :]


def _cut(dice: Random, data: bytes, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    return data[: dice.randrange(len(data) + 1)]


def _nest(dice: Random, data: bytes, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    at = dice.choice((0, dice.randrange(len(data) + 1)))
    return data[:at] + dice.choice(_DEEP) * dice.choice((3, 100, 2000, 30_000)) + data[at:]


def _number(dice: Random, data: bytes, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    found = list(re.finditer(rb"-?\d+", data[:20_000]))
    if not found:
        return data + dice.choice(NUMBERS).encode()
    one = dice.choice(found)
    return data[: one.start()] + dice.choice(NUMBERS).encode() + data[one.end() :]


def _recode(dice: Random, data: bytes, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    return data.decode("utf-8", "replace").encode(dice.choice(_CODINGS), "replace")


def _squeeze(dice: Random, data: bytes, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """Gzip, whole or in two members, or a bomb of a hundred times the limit on an input."""
    if dice.random() < 0.1:
        return _BOMB
    at = dice.randrange(len(data) + 1)
    members = [data] if dice.random() < 0.7 else [data[:at], data[at:]]
    return b"".join(gzip.compress(member, compresslevel=1, mtime=0) for member in members)


def _json(dice: Random, data: bytes, examples: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """One value of the JSON that a part of the input is, or that one of its lines is, becomes another kind of value."""
    parts = data.split(BETWEEN)
    place = dice.randrange(len(parts))
    lines = parts[place].split(b"\n") if len(data) < 20_000 else []
    found = [number for number, line in enumerate(lines) if line[:1] in (b"{", b"[")]
    if not found:
        return _insert(dice, data, examples, words)
    number = dice.choice(found)
    try:
        tree = json.loads(lines[number])
    except (ValueError, RecursionError):
        return _insert(dice, data, examples, words)
    text = json.dumps(_changed(dice, tree, words), ensure_ascii=dice.random() < 0.7)
    lines[number] = text.encode("utf-8", "surrogatepass")
    return BETWEEN.join([*parts[:place], b"\n".join(lines), *parts[place + 1 :]])


def _changed(dice: Random, tree: Any, words: Sequence[bytes]) -> Any:
    if isinstance(tree, dict) and tree and dice.random() < 0.8:
        key = dice.choice(list(tree))
        changed = {**tree, key: _changed(dice, tree[key], words)}
        if dice.random() < 0.1:
            changed[dice.choice([word.decode("utf-8", "replace") for word in words] or [""])] = changed.pop(key)
        return changed
    if isinstance(tree, list) and tree and dice.random() < 0.8:
        at = dice.randrange(len(tree))
        return [*tree[:at], _changed(dice, tree[at], words), *tree[at + dice.randrange(2) :]]
    if isinstance(tree, str) and dice.random() < 0.3:
        at = dice.randrange(len(tree) + 1)
        return tree[:at] + str(dice.choice(VALUES)) + tree[at:]
    return dice.choice(VALUES)


_WEIGHED: dict[Mutation, int] = {
    _flip: 3,
    _insert: 6,
    _noise: 3,
    _delete: 4,
    _repeat: 3,
    _splice: 3,
    _cut: 2,
    _nest: 1,
    _number: 5,
    _recode: 1,
    _squeeze: 1,
    _json: 6,
}
_MUTATIONS, _WEIGHTS = tuple(_WEIGHED), tuple(_WEIGHED.values())
