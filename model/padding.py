"""The id of padding, whatever a tokenizer calls it."""

from typing import Final

from tokenizers import Tokenizer

PADDING: Final = ("<pad>", "[PAD]")


def padding(tokenizer: Tokenizer) -> int:
    """The id of padding."""
    found = [tokenizer.token_to_id(piece) for piece in PADDING]
    return next(place for place in found if place is not None)
