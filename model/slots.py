"""Sentences with named slots, such as "{company} reports in {month}", and how they are filled."""

import random
import re
from collections.abc import Mapping, Sequence
from typing import Final

_SLOT: Final = re.compile(r"{(\w+)}")


def filled(
    templates: Sequence[str], slots: Mapping[str, Sequence[str]], rng: random.Random, given: Mapping[str, str]
) -> tuple[str, ...]:
    """Fill several templates, the same slot always with the same words.

    Args:
        templates: the sentences, with slots in braces.
        slots: what may fill a slot; one of it is drawn.
        rng: what draws; slots are drawn in the order of their names.
        given: what fills a slot without a draw.

    Raises:
        KeyError: a slot is neither given nor known.
    """
    wanted = sorted({slot for template in templates for slot in _SLOT.findall(template)})
    chosen = {slot: given[slot] if slot in given else rng.choice(slots[slot]) for slot in wanted}
    return tuple(template.format(**chosen) for template in templates)
