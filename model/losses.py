"""What a wrong answer costs, where annotators were asked different questions."""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

# A set with exactly one topic a text teaches by a softmax over its topics, and a little by one sigmoid each: the first
# ranks, the second makes "none of these" possible at inference.
EACH: Final = 0.3
SEVERAL: Final = 0.5  # weight of the sigmoids where a text may have several topics


def sentiment_loss(logits: Tensor, allowed: Tensor, considered: Tensor) -> Tensor:
    """Minus the log probability of the allowed answers among those considered, averaged over the texts asked about.

    Args:
        logits: (documents, 3).
        allowed: (documents, 3) bool; a row without any is a text that nobody asked about.
        considered: (documents, 3) bool, a superset.

    Returns:
        A scalar; 0 when nobody asked about any text.
    """
    asked = allowed.any(dim=1)
    if not bool(asked.any()):
        return logits.sum() * 0
    chosen = logits[asked]
    among = torch.logsumexp(chosen.masked_fill(~considered[asked], -torch.inf), dim=1)
    right = torch.logsumexp(chosen.masked_fill(~allowed[asked], -torch.inf), dim=1)
    return (among - right).mean()


def topic_loss(logits: Tensor, targets: Tensor, mask: Tensor, exclusive: Tensor) -> Tensor:
    """Cross entropy over the topics that were asked about, averaged over the texts fully asked about.

    Args:
        logits: (documents, topics).
        targets: the same shape, 0 or 1.
        mask: the same shape, how much each topic counts, 0 where nobody asked.
        exclusive: (documents,) bool, exactly one of the topics with mask 1 holds.

    Returns:
        A scalar; 0 when nobody asked about any text.
    """
    each = (functional.binary_cross_entropy_with_logits(logits, targets, reduction="none") * mask).sum(dim=1)
    total = (torch.where(exclusive, EACH, SEVERAL) * each).sum()
    if bool(exclusive.any()):
        chosen = logits[exclusive]
        among = torch.logsumexp(chosen.masked_fill(mask[exclusive] < 1, -torch.inf), dim=1)
        total = total + (among - (chosen * targets[exclusive]).sum(dim=1)).sum()
    return total / (mask.amax(dim=1) >= 1).sum().clamp(min=1)
