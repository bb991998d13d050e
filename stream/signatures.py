"""A text as a MinHash signature: how much two texts share can be told from 128 bytes each.

English is cut into pairs of words, Chinese into triples of characters; a number is one token in both, since two
notices that differ in the number only are different news.
"""

from __future__ import annotations

import re
import zlib
from hashlib import blake2b

import msgspec
import numpy as np
from datasketch import MinHash  # type: ignore[import-untyped]

__all__ = ["BANDS", "PERMUTATIONS", "Signature", "signature"]

PERMUTATIONS = 64
BANDS = 16
"""Bands of four: texts that share 60 % meet in one of them with 89 %, 70 % with 99 %, 80 % with 99.99 %."""
_ROWS = PERMUTATIONS // BANDS

_MOST_TOKENS = 1_000
"""Reprints are cut at the end and rewritten at the end: the beginning says which story it is."""
_TOKEN = re.compile(r"\d[\d.,:%]*|[^\W\d_\u3400-\u9fff]+|[\u3400-\u9fff]")
_FEW_SHINGLES = 8
_ALIKE, _ALIKE_SHORT = 0.6, 0.85


class Signature(msgspec.Struct, frozen=True):
    """`values`: 64 little-endian uint16. `bands`: 16 keys of 8 bytes; none where the text has no words.

    `least_equal`: how many of the 64 values must agree for the same story; short texts must agree nearly wholly.
    """

    values: bytes
    bands: tuple[bytes, ...]
    least_equal: int


_start = MinHash(num_perm=PERMUTATIONS, hashfunc=zlib.crc32, scheme="affine32")


def signature(text: str) -> Signature:
    """The signature of a plain text; equal for equal words, whatever the case and the punctuation."""
    shingles = _shingles(text)
    if not shingles:
        return Signature(b"", (), PERMUTATIONS)
    sketch = _start.copy()
    sketch.update_batch(shingles)
    hashes = np.asarray(sketch.hashvalues, dtype="<u4")
    packed = hashes.tobytes()
    width = 4 * _ROWS
    bands = tuple(blake2b(packed[at : at + width], digest_size=8).digest() for at in range(0, 4 * PERMUTATIONS, width))
    alike = _ALIKE if len(shingles) >= _FEW_SHINGLES else _ALIKE_SHORT
    return Signature((hashes & 0xFFFF).astype("<u2").tobytes(), bands, int(np.ceil(alike * PERMUTATIONS)))


def _shingles(text: str) -> list[bytes]:
    tokens = _TOKEN.findall(text[: 20 * _MOST_TOKENS].lower())[:_MOST_TOKENS]
    tokens = [token.rstrip(".,:") if token[0].isdigit() else token for token in tokens]
    han = sum("\u3400" <= token[0] <= "\u9fff" for token in tokens)
    size = min(3 if 2 * han > len(tokens) else 2, len(tokens))
    if not size:
        return []
    parts = {" ".join(tokens[at : at + size]) for at in range(len(tokens) - size + 1)}
    return [part.encode("utf-8", "replace") for part in parts]
