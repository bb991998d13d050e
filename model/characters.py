"""Chinese characters as they are read: traditional ones as their simplified forms, one for one, so that places stay."""

from functools import cache
from importlib.resources import files


def simplified(text: str) -> str:
    """Write every traditional character that OpenCC knows as its simplified one; the length stays the same."""
    return text.translate(_to_simplified())


def is_traditional(character: str) -> bool:
    """Whether `simplified` would write this character otherwise."""
    return ord(character) in _to_simplified()


def question(text: str, entity: str | None) -> str | tuple[str, str]:
    """What a tokenizer is given: the text, or the entity that is asked about and the text, simplified."""
    return simplified(text) if entity is None else (simplified(entity), simplified(text))


@cache
def _to_simplified() -> dict[int, str]:
    table = files("opencc").joinpath("dictionary", "TSCharacters.txt").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in table.splitlines() if "\t" in line)
    singles = ((source, targets.split(" ")[0]) for source, targets in pairs)
    return {ord(old): new for old, new in singles if len(old) == len(new) == 1 and old != new}
