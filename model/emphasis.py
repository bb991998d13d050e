"""How much each training row counts, and how sure its label is: class weights, label smoothing, annotators' agreement.

Everything here takes examples and gives examples; dev and test parts never come through.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from model.config import RunConfig
from model.datasets import Example


def emphasised(chosen: Sequence[Example], run: RunConfig) -> list[Example]:
    """Apply what a run asks for; the same examples where it asks for nothing."""
    found = list(chosen)
    if run.class_weight_limit is not None:
        found = weighted(found, run.class_weight_limit)
    if run.soft_labels:
        found = [replace(one, certainty=one.agreement) if one.allowed else one for one in found]
    if run.label_smoothing:
        found = [smoothed(one, run.label_smoothing) for one in found]
    return found


def weighted(chosen: Sequence[Example], limit: float) -> list[Example]:
    """Weigh examples by the inverse frequency of their label within their set, n / (labels · n of the label).

    Over a set the weights average 1 where none reaches the limit. An example with any number of topics keeps weight 1:
    it has no one label.

    Args:
        chosen: the examples.
        limit: the largest weight, at least 1.
    """
    labels = [_label(one) for one in chosen]
    counts = Counter((one.source, label) for one, label in zip(chosen, labels, strict=True) if label is not None)
    rows: Counter[str] = Counter()
    for (source, _), count in counts.items():
        rows[source] += count
    kinds = Counter(source for source, _ in counts)
    return [
        one
        if label is None
        else replace(one, weight=min(limit, rows[one.source] / (kinds[one.source] * counts[one.source, label])))
        for one, label in zip(chosen, labels, strict=True)
    ]


def smoothed(one: Example, share: float) -> Example:
    """Move a share of the label's mass to all labels alike, so that the label keeps 1 - share + share / labels.

    Topics of which a text may have several are a yes or no each: half of the share goes to the other answer.
    """
    if one.allowed:
        kept = 1 - share * (1 - len(one.allowed) / len(one.considered))
        return replace(one, certainty=one.certainty * kept)
    asked = one.mask >= 1
    even = 1 / max(1, int(asked.sum())) if one.exclusive else 0.5
    topics = np.where(asked, (1 - share) * one.topics + share * even, one.topics)
    return replace(one, topics=topics.astype(np.float32))


def _label(one: Example) -> Hashable | None:
    if one.allowed:
        return one.allowed
    return int(one.topics.argmax()) if one.exclusive else None
