"""What a wrong answer costs, where annotators were asked different questions.

Documents that a loss says nothing of go through the same arithmetic and count nothing: to pick the others out, a CPU
would have to wait at every step for a GPU to say which they are.
"""

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
    among = torch.logsumexp(logits.masked_fill(asked[:, None] & ~considered, -torch.inf), dim=1)
    right = torch.logsumexp(logits.masked_fill(asked[:, None] & ~allowed, -torch.inf), dim=1)
    each = among - right
    if certainty is not None:
        others = considered & ~allowed
        count = others.sum(dim=1)
        wrong = among - (logits * others).sum(dim=1) / count.clamp(min=1)
        doubt = torch.where(count > 0, 1 - certainty, 0.0)
        each = (1 - doubt) * each + doubt * wrong
    each = each if weight is None else each * weight
    return (each * asked).sum() / asked.sum().clamp(min=1)


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
    among = torch.logsumexp(logits.masked_fill(exclusive[:, None] & (mask < 1), -torch.inf), dim=1)
    total = total + ((among - (logits * targets).sum(dim=1)) * counts * exclusive).sum()
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
    taught = ~lesson_sentiment.isnan().any(dim=1)
    ours = functional.log_softmax(sentiment / temperature, dim=1)
    said = torch.where(taught[:, None], lesson_sentiment, 0.0)  # whose terms are then 0 as well
    total = functional.kl_div(ours, said, reduction="sum") / taught.sum().clamp(min=1)
    known = ~lesson_topics.isnan()
    theirs = torch.where(known, lesson_topics, 0.0)
    cross = functional.binary_cross_entropy_with_logits(topics / temperature, theirs, reduction="none")
    entropy = -(torch.xlogy(theirs, theirs) + torch.xlogy(1 - theirs, 1 - theirs))
    total = total + ((cross - entropy) * known).sum() / known.any(dim=1).sum().clamp(min=1)
    return total * temperature**2
