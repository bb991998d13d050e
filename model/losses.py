"""What a wrong answer costs, where annotators were asked different questions."""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

# A set with exactly one topic a text teaches by a softmax over its topics, and a little by one sigmoid each: the first
# ranks, the second makes "none of these" possible at inference.
EACH: Final = 0.3
SEVERAL: Final = 0.5  # weight of the sigmoids where a text may have several topics


def sentiment_loss(
    logits: Tensor, allowed: Tensor, considered: Tensor, weight: Tensor | None = None, certainty: Tensor | None = None
) -> Tensor:
    """Minus the log probability of the allowed answers among those considered, averaged over the texts asked about.

    Args:
        logits: (documents, 3).
        allowed: (documents, 3) bool; a row without any is a text that nobody asked about.
        considered: (documents, 3) bool, a superset.
        weight: (documents,) how much each text counts; None: alike.
        certainty: (documents,) the mass of the allowed answers; the rest is spread over the others considered, as label
            smoothing does (Szegedy et al. 2016, arXiv:1512.00567). None: all of it.

    Returns:
        A scalar; 0 when nobody asked about any text.
    """
    asked = allowed.any(dim=1)
    if not bool(asked.any()):
        return logits.sum() * 0
    chosen = logits[asked]
    among = torch.logsumexp(chosen.masked_fill(~considered[asked], -torch.inf), dim=1)
    right = torch.logsumexp(chosen.masked_fill(~allowed[asked], -torch.inf), dim=1)
    each = among - right
    if certainty is not None:
        others = considered[asked] & ~allowed[asked]
        count = others.sum(dim=1)
        wrong = among - (chosen * others).sum(dim=1) / count.clamp(min=1)
        doubt = torch.where(count > 0, 1 - certainty[asked], 0.0)
        each = (1 - doubt) * each + doubt * wrong
    return each.mean() if weight is None else (each * weight[asked]).mean()


def topic_loss(
    logits: Tensor, targets: Tensor, mask: Tensor, exclusive: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Cross entropy over the topics that were asked about, averaged over the texts fully asked about.

    Args:
        logits: (documents, topics).
        targets: the same shape, 0 to 1.
        mask: the same shape, how much each topic counts, 0 where nobody asked.
        exclusive: (documents,) bool, exactly one of the topics with mask 1 holds; their targets sum to 1.
        weight: (documents,) how much each text counts; None: alike.

    Returns:
        A scalar; 0 when nobody asked about any text.
    """
    counts = torch.ones_like(logits[:, 0]) if weight is None else weight
    each = (functional.binary_cross_entropy_with_logits(logits, targets, reduction="none") * mask).sum(dim=1)
    total = (torch.where(exclusive, EACH, SEVERAL) * each * counts).sum()
    if bool(exclusive.any()):
        chosen = logits[exclusive]
        among = torch.logsumexp(chosen.masked_fill(mask[exclusive] < 1, -torch.inf), dim=1)
        total = total + ((among - (chosen * targets[exclusive]).sum(dim=1)) * counts[exclusive]).sum()
    return total / (mask.amax(dim=1) >= 1).sum().clamp(min=1)


def lesson_loss(
    sentiment: Tensor, topics: Tensor, lesson_sentiment: Tensor, lesson_topics: Tensor, temperature: float
) -> Tensor:
    """The divergence KL(teacher || student) at a temperature T, times T² (Hinton et al. 2015), over the texts taught.

    Sentiment is one draw of three; each topic is a draw of its own, so that their divergences add up.

    Args:
        sentiment: (documents, 3) logits of the student.
        topics: (documents, topics) logits of the student.
        lesson_sentiment: (documents, 3) probabilities of the teacher at T; NaN where it does not teach.
        lesson_topics: (documents, topics) likewise, NaN for each topic that it does not teach.
        temperature: T.

    Returns:
        A scalar; 0 when nothing is taught.
    """
    total = sentiment.sum() * 0
    taught = ~lesson_sentiment.isnan().any(dim=1)
    if bool(taught.any()):
        ours = functional.log_softmax(sentiment[taught] / temperature, dim=1)
        total = total + functional.kl_div(ours, lesson_sentiment[taught], reduction="batchmean")
    known = ~lesson_topics.isnan()
    if bool(known.any()):
        theirs, scaled = lesson_topics[known], topics[known] / temperature
        cross = functional.binary_cross_entropy_with_logits(scaled, theirs, reduction="none")
        entropy = -(torch.xlogy(theirs, theirs) + torch.xlogy(1 - theirs, 1 - theirs))
        total = total + (cross - entropy).sum() / known.any(dim=1).sum()
    return total * temperature**2
