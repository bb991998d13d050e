"""A tokenizer with only the pieces that English and Chinese financial text needs.

Four fifths of multilingual-e5-small's weights are embeddings of 250,000 pieces, most of them of other languages. Kept
are the pieces that the given texts use, and every single character of ASCII, of simplified Chinese and of their
punctuation, so that a word never seen before still falls into its characters. Text made of kept pieces is cut exactly
as before. Traditional characters are never looked up: texts are read as `model/characters.py` writes them.
"""

from collections import Counter
from collections.abc import Iterable, Set
from itertools import islice
from typing import Final

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from model.characters import is_traditional, simplified
from model.pretrained import Pretrained

BEGIN, PAD, END, UNKNOWN = "<s>", "<pad>", "</s>", "<unk>"
SPECIAL: Final = (BEGIN, PAD, END, UNKNOWN)
PAD_ID: Final = 1
_BATCH: Final = 2000
_RANGES: Final = (
    (0x20, 0x7E),  # ASCII
    (0xA1, 0xFF),  # Latin-1: £, é
    (0x2010, 0x2027),  # dashes, quotation marks, the ellipsis
    (0x20A0, 0x20BF),  # currency signs
    (0x3000, 0x303F),  # Chinese punctuation
    (0x4E00, 0x9FFF),  # Chinese characters
    (0xFF01, 0xFF5E),  # full-width forms
)


def build_tokenizer(pieces: list[str], scores: list[float]) -> Tokenizer:
    """Make a unigram tokenizer whose ids are the places in `pieces`; the first four must be `SPECIAL`."""
    tokenizer = Tokenizer(Unigram(list(zip(pieces, scores, strict=True)), unk_id=SPECIAL.index(UNKNOWN)))
    # SentencePiece's nmt_nfkc: NFKC, control characters to nothing or to a space, runs of space to one.
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(r"[\x00-\x08\x0b\x0e-\x1f\x7f\x{200b}-\x{200f}\x{feff}]"), ""),
            normalizers.NFKC(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}",
        pair=f"{BEGIN} $A {END} $B {END}",
        special_tokens=[(BEGIN, SPECIAL.index(BEGIN)), (END, SPECIAL.index(END))],
    )
    return tokenizer


def full_tokenizer(pretrained: Pretrained) -> Tokenizer:
    """The tokenizer of the unpruned encoder."""
    return build_tokenizer(list(pretrained.pieces), list(pretrained.scores))


def count_pieces(tokenizer: Tokenizer, texts: Iterable[str]) -> Counter[int]:
    """Count how often each piece id is used."""
    counts: Counter[int] = Counter()
    stream = map(simplified, texts)
    while batch := list(islice(stream, _BATCH)):
        for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            counts.update(encoding.ids)
    return counts


def kept_pieces(pretrained: Pretrained, used: Set[int]) -> list[int]:
    """Choose pieces: the special ones, those used, and every single needed character.

    Returns:
        Old ids, rising, the four special ones first; the place in the list is the new id.
    """
    singles = (i for i, piece in enumerate(pretrained.pieces) if _needed_character(piece))
    marks = {pretrained.pieces.index("<mask>")} if "<mask>" in pretrained.pieces else set()
    first = list(range(len(SPECIAL)))
    return first + sorted({*singles, *used} - set(first) - marks)


def prune(pretrained: Pretrained, kept: list[int]) -> Tokenizer:
    """Make the tokenizer of the kept pieces."""
    return build_tokenizer([pretrained.pieces[i] for i in kept], [pretrained.scores[i] for i in kept])


def _needed_character(piece: str) -> bool:
    bare = piece.removeprefix("▁")
    return len(bare) <= 1 and all(_in_ranges(ord(one)) and not is_traditional(one) for one in bare)


def _in_ranges(point: int) -> bool:
    return any(low <= point <= high for low, high in _RANGES)
