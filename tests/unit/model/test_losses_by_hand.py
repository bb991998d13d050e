"""The losses against numbers worked out by hand, and what must not learn does not."""

from __future__ import annotations

import math

import pytest
import torch

from model.losses import EACH, SEVERAL, lesson_loss, sentiment_loss, topic_loss


def _flags(*rows: str) -> torch.Tensor:
    return torch.tensor([[sign == "x" for sign in row] for row in rows])


def test_one_answer_of_three_is_cross_entropy() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5]])
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([1]))
    assert sentiment_loss(logits, _flags(".x."), _flags("xxx")).item() == pytest.approx(expected.item())


def test_polarity_leaves_neutral_alone() -> None:
    logits = torch.tensor([[0.0, 9.0, 0.0]], requires_grad=True)
    loss = sentiment_loss(logits, _flags("x.."), _flags("x.x"))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert logits.grad is not None
    assert logits.grad[0, 1] == 0


def test_not_negative_is_the_sum_of_the_other_two() -> None:
    loss = sentiment_loss(torch.zeros(1, 3), _flags(".xx"), _flags("xxx"))
    assert loss.item() == pytest.approx(-math.log(2 / 3))


def test_texts_that_nobody_asked_about_do_not_dilute_the_mean() -> None:
    logits = torch.tensor([[1.0, 0.0, 0.0], [5.0, 0.0, 0.0]])
    alone = sentiment_loss(logits[:1], _flags("x.."), _flags("xxx"))
    both = sentiment_loss(logits, _flags("x..", "..."), _flags("xxx", "..."))
    assert both.item() == pytest.approx(alone.item())


def test_one_topic_a_text_is_a_softmax_over_what_was_asked_and_a_little_of_each() -> None:
    logits, targets, mask = (
        torch.tensor([[0.0, 0.0, 7.0]]),
        torch.tensor([[1.0, 0.0, 0.0]]),
        torch.tensor([[1.0, 1, 0]]),
    )
    loss = topic_loss(logits, targets, mask, torch.tensor([True]))
    assert loss.item() == pytest.approx(math.log(2) + EACH * 2 * math.log(2))


def test_several_topics_a_text_are_sigmoids_and_masked_ones_learn_nothing() -> None:
    logits = torch.zeros(1, 3, requires_grad=True)
    loss = topic_loss(logits, torch.tensor([[1.0, 1, 0]]), torch.tensor([[1.0, 1, 0]]), torch.tensor([False]))
    loss.backward()
    assert loss.item() == pytest.approx(SEVERAL * 2 * math.log(2))
    assert logits.grad is not None
    assert logits.grad[0, 2] == 0


def test_a_batch_that_asks_nothing_costs_nothing_and_keeps_gradients_finite() -> None:
    logits = torch.zeros(2, 3, requires_grad=True)
    nothing = torch.zeros(2, 3)
    loss = sentiment_loss(logits, nothing.bool(), nothing.bool())
    loss = loss + topic_loss(logits, nothing, nothing, torch.zeros(2, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.abs().sum() == 0


def test_what_a_loss_says_nothing_of_gets_no_gradient() -> None:
    sentiment = torch.tensor([[1.0, 0.0, 0.0], [5.0, 0.0, 2.0]], requires_grad=True)
    topics = torch.tensor([[0.5, -1.0], [3.0, 1.0]], requires_grad=True)
    certainty, exclusive = torch.tensor([0.8, 0.3]), torch.tensor([True, False])
    targets, mask = torch.tensor([[1.0, 0], [0, 0]]), torch.tensor([[1.0, 1], [0, 0]])
    lessons = torch.tensor([[0.2, 0.3, 0.5], [math.nan] * 3]), torch.tensor([[0.5, math.nan], [math.nan] * 2])
    loss = sentiment_loss(sentiment, _flags("x..", "..."), _flags("xxx", "..."), None, certainty)
    loss = loss + topic_loss(topics, targets, mask, exclusive) + lesson_loss(sentiment, topics, *lessons, 2.0)
    loss.backward()
    for logits in (sentiment, topics):
        assert logits.grad is not None
        assert logits.grad[0].isfinite().all()
        assert logits.grad[0].any()
        assert not logits.grad[1].any()
