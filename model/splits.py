"""Train, dev and test parts that share no near duplicate.

Texts are grouped when their normalised forms, or a long beginning of them, are equal, or when MinHash over character
shingles finds them alike (0.8 alike: grouped with probability 0.94). A group goes to one part as a whole, chosen by a
hash of the group and the seed, so that the parts do not depend on the order of rows or on the machine.
"""

import hashlib
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Part = Literal["train", "dev", "test"]
SHINGLE: Final = 5
ROWS, BANDS = 3, 4
PREFIX: Final = 40
_NOISE: Final = re.compile(r"https?://\S+|[\W\d_]+")
_RNG: Final = np.random.default_rng(20_000)
_MULTIPLIERS: Final = _RNG.integers(1, 1 << 31, size=(ROWS * BANDS, 1), dtype=np.uint64) | np.uint64(1)
_OFFSETS: Final = _RNG.integers(0, 1 << 31, size=(ROWS * BANDS, 1), dtype=np.uint64)
_PRIME: Final = np.uint64((1 << 31) - 1)


def normalise(text: str) -> str:
    """Lower case, without links, digits, punctuation and spaces: what near duplicates differ in."""
    return _NOISE.sub("", text.lower())


def split(texts: Sequence[str], *, seed: int = 0, dev: float = 0.1, test: float = 0.1) -> list[Part]:
    """Choose the part of every text, in order.

    Args:
        texts: the texts of one data set.
        seed: another seed, another split.
        dev: share of groups for the dev part.
        test: share of groups for the test part.
    """
    leaders = group(texts)
    names = [normalise(text) or text for text in texts]
    smallest: dict[int, str] = {}
    for leader, name in zip(leaders, names, strict=True):
        smallest[leader] = min(name, smallest.get(leader, name))
    return [_part(f"{seed}\0{smallest[leader]}", dev, test) for leader in leaders]


def group(texts: Sequence[str]) -> list[int]:
    """Number near duplicates alike: for each text, the first place of its group."""
    parent = list(range(len(texts)))

    def find(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    seen: dict[tuple[str, object], int] = {}
    for place, text in enumerate(texts):
        for key in _keys(normalise(text) or text):
            first = find(seen.setdefault(key, place))
            mine = find(place)
            parent[max(first, mine)] = min(first, mine)
    return [find(place) for place in range(len(texts))]


def near_duplicates(texts: Sequence[str]) -> int:
    """Count the texts that are not the first of their group."""
    return sum(leader != place for place, leader in enumerate(group(texts)))


def parts(texts: Sequence[str], *, seed: int = 0) -> dict[Part, list[int]]:
    """The places of texts in each part."""
    places: dict[Part, list[int]] = defaultdict(list)
    for place, part in enumerate(split(texts, seed=seed)):
        places[part].append(place)
    return {"train": places["train"], "dev": places["dev"], "test": places["test"]}


def _keys(name: str) -> Iterator[tuple[str, object]]:
    yield "whole", name
    if len(name) >= PREFIX:
        yield "prefix", name[:PREFIX]
    if len(name) >= 2 * SHINGLE:
        signature = _signature(name)
        for band in range(BANDS):
            yield f"band{band}", signature[band * ROWS : (band + 1) * ROWS].tobytes()


def _signature(name: str) -> npt.NDArray[np.uint64]:
    shingles = {name[i : i + SHINGLE] for i in range(len(name) - SHINGLE + 1)}
    hashes = np.fromiter((zlib.crc32(s.encode()) for s in shingles), dtype=np.uint64, count=len(shingles))
    mixed: npt.NDArray[np.uint64] = ((hashes % _PRIME) * _MULTIPLIERS + _OFFSETS) % _PRIME
    return np.asarray(mixed.min(axis=1))


def _part(key: str, dev: float, test: float) -> Part:
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    share = int.from_bytes(digest, "big") / 2**64
    if share < test:
        return "test"
    return "dev" if share < test + dev else "train"
