"""Which texts an annotator should see next, and the files in which they go out and come back.

Uncertainty sampling by least margin (Scheffer, Decomain, Wrobel, IDA 2001; Settles, "Active Learning Literature
Survey", 2009) asks about texts whose two likeliest sentiments are nearest; by entropy, about those where all three are.
One text of each story, since its copies teach the same. A share is drawn by chance, so that what the model is wrongly
sure of comes up as well.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
import numpy as np

from model.labels import SENTIMENTS
from model.splits import group, normalise

Strategy = Literal["margin", "entropy"]
CHANCE: Final = 0.1
_POOL: Final = 4  # near duplicates are looked for among so many times the wanted count


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """A text and what the model says of it: `probabilities` of `SENTIMENTS`, in that order, summing to 1.

    Texts of one `story` are taken for the same; "" stands for the text itself.
    """

    text: str
    probabilities: tuple[float, float, float]
    story: str = ""
    language: str = ""
    document_id: str = ""
    model_version: str = ""

    @property
    def predicted(self) -> str:
        """The likeliest sentiment."""
        return SENTIMENTS[int(np.argmax(self.probabilities))]


def margin(probabilities: Sequence[float]) -> float:
    """How far the likeliest is ahead of the next, 0 (undecided) to 1 (sure)."""
    *_, second, first = sorted(probabilities)
    return first - second


def certainty(probabilities: Sequence[float]) -> float:
    """One minus the entropy as a share of the largest possible, 0 (all alike) to 1 (sure)."""
    entropy = -sum(one * float(np.log(one)) for one in probabilities if one > 0)
    return 1 - entropy / float(np.log(len(probabilities)))


_STRATEGIES: Final[Mapping[Strategy, Callable[[Sequence[float]], float]]] = {"margin": margin, "entropy": certainty}


def labelling_queue(
    pool: Iterable[Unlabelled],
    count: int,
    *,
    rng: np.random.Generator,
    strategy: Strategy = "margin",
    chance: float = CHANCE,
) -> list[Unlabelled]:
    """Choose at most `count` texts, no two of one story or nearly alike; the most doubtful first, then those by chance.

    Args:
        pool: the texts to choose from.
        count: how many are wanted.
        rng: draws the share of chance.
        strategy: how doubt is measured.
        chance: the share of `count` that is drawn by chance, 0 to 1.
    """
    by_story: dict[str, Unlabelled] = {}
    for one in pool:
        key = one.story or _digest(one.text)
        if one.text.strip() and (key not in by_story or _doubt(one, strategy) < _doubt(by_story[key], strategy)):
            by_story[key] = one
    ordered = sorted(by_story.values(), key=lambda one: (_doubt(one, strategy), _digest(one.text)))
    by_chance = round(count * chance)
    doubtful = _distinct(ordered[: _POOL * count])[: count - by_chance]
    taken = {id(one) for one in doubtful}
    rest = [one for one in ordered if id(one) not in taken]
    drawn = [rest[place] for place in rng.permutation(len(rest))[: _POOL * by_chance]]
    return _distinct([*doubtful, *drawn])[:count] if by_chance else doubtful


def as_row(one: Unlabelled) -> dict[str, Any]:
    """A line in the format of labelled files, its `label` still null; an annotator fills it in."""
    return {
        "text": one.text,
        "label": None,
        "lang": one.language,
        "predicted": one.predicted,
        "margin": round(float(margin(one.probabilities)), 4),
        "document_id": one.document_id,
        "model_version": one.model_version,
    }


def json_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows as JSON lines."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def _doubt(one: Unlabelled, strategy: Strategy) -> float:
    return _STRATEGIES[strategy](one.probabilities)


def _distinct(texts: list[Unlabelled]) -> list[Unlabelled]:
    """The first of each group of near duplicates, in order."""
    leaders = group([one.text for one in texts])
    return [one for place, one in enumerate(texts) if leaders[place] == place]


def _digest(text: str) -> str:
    return hashlib.blake2b((normalise(text) or text).encode("utf-8", "replace"), digest_size=8).hexdigest()
