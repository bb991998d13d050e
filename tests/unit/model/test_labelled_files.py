"""Rows become examples that teach what their annotators were asked, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.datasets import (
    INFERRED,
    Row,
    document_rows,
    examples,
    label_counts,
    read_folder,
    read_rows,
    task_of_rows,
)
from model.errors import DataError
from model.labels import RISK_IDS, TOPIC_IDS, TOPIC_INDEX
from model.tasks import NEGATIVE, NEWSFLASH_TOPICS, POLARITY, RISK_EVENT, SENTIMENT, TWITTER_TOPIC


def _asked(mask: np.ndarray) -> set[str]:
    return {TOPIC_IDS[place] for place in np.flatnonzero(mask == 1)}


def test_a_sentiment_row_asks_about_three_answers() -> None:
    (one,) = examples([Row("Acme cuts its outlook", "negative")], SENTIMENT, "news")
    assert (one.allowed, one.considered) == ((0,), (0, 1, 2))
    assert not one.mask.any()


def test_a_polarity_row_says_nothing_about_neutral() -> None:
    (one,) = examples([Row("to the moon", "positive")], POLARITY, "posts")
    assert (one.allowed, one.considered) == ((2,), (0, 2))


def test_not_negative_allows_two_answers() -> None:
    (one,) = examples([Row("公司召开会议", "other")], NEGATIVE, "zh")
    assert (one.allowed, one.considered) == ((1, 2), (0, 1, 2))


def test_what_is_not_bad_news_weakly_denies_every_risk_event() -> None:
    (one,) = examples([Row("Acme pays a dividend", "positive")], SENTIMENT, "news")
    places = [TOPIC_INDEX[name] for name in RISK_IDS if name != "risk_other"]
    assert (one.mask[places] == INFERRED).all()
    assert one.mask.sum() == pytest.approx(INFERRED * len(places))
    assert not one.topics.any()


def test_a_tweet_teaches_only_the_topics_of_tweets() -> None:
    (one,) = examples([Row("Acme raises its dividend", "dividend")], TWITTER_TOPIC, "tweets")
    assert _asked(one.mask) == set(TWITTER_TOPIC.topics)
    assert "covid" not in _asked(one.mask)
    assert np.flatnonzero(one.topics).tolist() == [TOPIC_INDEX["dividend"]]
    assert one.exclusive
    assert one.allowed == ()


def test_a_newsflash_may_have_several_topics_or_none() -> None:
    rows = [Row("大盘与央行", labels=("中国", "大盘", "经济")), Row("外国消息", labels=("外国",))]
    several, none = examples(rows, NEWSFLASH_TOPICS, "flash")
    assert {TOPIC_IDS[place] for place in np.flatnonzero(several.topics)} == {"markets", "macro"}
    assert not none.topics.any()
    assert _asked(none.mask) == set(NEWSFLASH_TOPICS.topics)
    assert not several.exclusive


def test_rows_with_labels_from_elsewhere_are_left_out() -> None:
    assert examples([Row("text", "写错")], RISK_EVENT, "zh") == []


def test_a_headline_that_is_good_for_one_and_bad_for_another_is_left_out() -> None:
    rows = [Row("A beats B", "positive", entity="A"), Row("A beats B", "negative", entity="B")]
    rows += [Row("C and D rise", "positive", entity="C"), Row("C and D rise", "positive", entity="D")]
    assert [row.text for row in document_rows(rows)] == ["C and D rise"]


def test_files_are_read_with_their_task(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"text": "x", "label": "negative", "lang": "en"}\n\n{"text":"y","label":"other"}\n'
    )
    (tmp_path / "b.jsonl").write_text('{"text": "z", "labels": ["大盘"]}\n', encoding="utf-8")
    found = read_folder(tmp_path)
    assert {name: (task.name, len(rows)) for name, (task, rows) in found.items()} == {
        "a": ("negative", 2),
        "b": ("newsflash_topics", 1),
    }
    assert task_of_rows(found["a"][1]) is NEGATIVE
    assert label_counts(found["a"][1]) == {"negative": 1, "other": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "x", "label": "positive"}\n{"label": "positive"}\n', "line 2"),
        ('{"text": "x"', "line 1"),
        ("\n", "holds no rows"),
    ],
)
def test_a_bad_file_is_named_with_the_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_rows(path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_rows(tmp_path / "absent.jsonl")
    with pytest.raises(DataError, match="holds no labelled files"):
        read_folder(tmp_path)
