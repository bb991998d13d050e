"""One taxonomy: stable ids, names in two languages, and a place in it for every label of the data sets."""

from __future__ import annotations

import pytest

from model.errors import DataError
from model.labels import RISK_IDS, SENTIMENTS, TOPIC_IDS, TOPICS, topic
from model.tasks import NEGATIVE, NEWSFLASH_TOPICS, POLARITY, RISK_EVENT, SENTIMENT, TASKS, TWITTER_TOPIC, task_of


def test_ids_are_unique_snake_case_and_named_in_both_languages() -> None:
    assert len(set(TOPIC_IDS)) == len(TOPICS)
    for label in TOPICS:
        assert label.id == label.id.lower()
        assert label.id.replace("_", "").isalnum()
        assert label.en.isascii()
        assert any("一" <= character <= "鿿" for character in label.zh)


def test_every_task_leads_into_the_taxonomy() -> None:
    for task in TASKS:
        known = SENTIMENTS if task.kind == "sentiment" else TOPIC_IDS
        assert {ours for names in task.labels.values() for ours in names} <= set(known)


def test_twenty_tweet_topics_and_twenty_two_risk_events() -> None:
    assert len(TWITTER_TOPIC.topics) == 20
    assert len(RISK_EVENT.topics) == 22
    assert set(RISK_EVENT.topics) == set(RISK_IDS)


def test_synonyms_share_a_label() -> None:
    assert NEWSFLASH_TOPICS.labels["外汇"] == NEWSFLASH_TOPICS.labels["汇率"] == TWITTER_TOPIC.labels["currencies"]
    assert NEWSFLASH_TOPICS.labels["债券"] == TWITTER_TOPIC.labels["treasuries and corporate debt"]


def test_a_label_that_says_none_of_these_is_not_shown() -> None:
    assert not topic("risk_other").shown
    assert topic("dividend").shown
    with pytest.raises(KeyError):
        topic("weather")


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        (["negative", "neutral", "positive"], SENTIMENT),
        (["negative", "positive"], POLARITY),
        (["negative"], SENTIMENT),
        (["negative", "other"], NEGATIVE),
        (["ipo", "macro"], TWITTER_TOPIC),
        (["其他", "财务造假"], RISK_EVENT),
        (["中国"] * 30 + ["大盘", "打错了"], NEWSFLASH_TOPICS),
    ],
)
def test_the_task_follows_from_the_labels(labels: list[str], task: object) -> None:
    assert task_of(labels) is task


@pytest.mark.parametrize("labels", [[], ["sunny", "rainy"], ["negative", "sunny"]])
def test_labels_that_no_task_knows_are_named(labels: list[str]) -> None:
    with pytest.raises(DataError, match="no task knows these labels"):
        task_of(labels)
