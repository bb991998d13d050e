"""Which encoder reads a text: one for Chinese, one for everything else.

Not a language detector: a text is Chinese here when its characters carry more of it than its Latin words do, one
character weighing as much as one word of average length. The same function sorts the training data, so that an encoder
meets in service what it met in training.
"""

import re
from typing import Final, Literal

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
LETTERS_PER_CHARACTER: Final = 5
HEAD: Final = 2048  # characters looked at
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LATIN: Final = re.compile(r"[A-Za-z]")


def language_of(text: str) -> Language:
    """Tell which encoder a text belongs to; text in any other language or none goes the English way."""
    head = text[:HEAD]
    characters = len(_HAN.findall(head))
    if characters and characters * LETTERS_PER_CHARACTER >= len(_LATIN.findall(head)):
        return "zh"
    return "en"
