"""N-grams beside topics: they mend what they know, and leave alone what no set asks about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad
from small_model import Built

from model.artefact import WIDE
from model.classifier import Classifier
from model.errors import ArtefactError
from model.labels import TOPIC_IDS
from model.ngrams import ngrams
from model.softmax_regression import topic_loss
from model.techniques import WideConfig
from model.wide import MIXED as SENTIMENT_MIXED
from model.wide import WidePart, load_wide
from model.wide_topics import WideTopics
from model.wide_topics_fit import TopicRows, fit_wide_topics

BUCKETS = 64
CONFIG = WideConfig(topic_bits=10, topic_at_least=1)
STRANGERS = [[300 + place, 400 + place] for place in range(20)]
LIMITS = [0.5] * len(TOPIC_IDS)
NEWS, RISKS = (0, 5, 12), (27, 30)


def _topics(**changed: np.ndarray) -> WideTopics:
    """Two topics of one set; a text with the piece 3 is like that set, one with the piece 4 like none."""
    table = np.zeros((BUCKETS, 4), dtype=np.float32)
    first, second = ngrams([[3]], BUCKETS).indices[0], ngrams([[4]], BUCKETS).indices[0]
    assert first != second
    table[first], table[second] = [1, 2, 50, 0], [1, 2, 0, 50]
    arrays = {
        "table": table,
        "bias": np.zeros(4, dtype=np.float32),
        "mixing": np.array([[2, 3, 0.5], [2, 3, -0.5]], dtype=np.float32),
        "places": np.array([7, 2]),
        "sets": np.array([0, 0]),
    }
    return WideTopics(**(arrays | changed))


def _rows(count: int, seed: int, places: tuple[int, ...]) -> TopicRows:
    """Texts of pieces of chance and one, 100 and on, that is the topic; no piece of one set is in another."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(places), count)
    first = 1000 * places[0]
    ids = [[*(first + rng.integers(0, 60, 10)).tolist(), first + 100 + int(label)] for label in labels]
    texts = ["".join(chr(97 + place % 26) + chr(97 + place // 26 % 26) for place in row) for row in ids]
    return TopicRows(texts, ids, None, places, np.eye(len(places), dtype=bool)[labels])


def test_what_each_part_says_is_weighed_where_a_text_is_like_the_set() -> None:
    encoder = np.arange(2 * len(TOPIC_IDS), dtype=np.float32).reshape(2, -1)
    found = _topics().beside(encoder, [[3], [4]])
    np.testing.assert_allclose(found[0, [7, 2]], [2 * 7 + 3 * 1 + 0.5, 2 * 2 + 3 * 2 - 0.5], atol=1e-4)
    others = np.setdiff1d(np.arange(len(TOPIC_IDS)), [7, 2])
    np.testing.assert_array_equal(found[0, others], encoder[0, others])
    np.testing.assert_allclose(found[1], encoder[1], atol=1e-4)


@pytest.mark.parametrize(
    "changed",
    [
        {"table": np.zeros((60, 4), dtype=np.float32)},
        {"table": np.zeros((BUCKETS, 3), dtype=np.float32)},
        {"bias": np.zeros(3, dtype=np.float32)},
        {"mixing": np.zeros((2, 2), dtype=np.float32)},
        {"places": np.array([7, len(TOPIC_IDS)])},
        {"places": np.array([7, -1])},
        {"sets": np.array([0, 1])},
        {"sets": np.array([-1, 0])},
        {"places": np.array([], dtype=int), "sets": np.array([], dtype=int)},
    ],
    ids=["buckets", "width", "bias", "mixing", "no-topic", "below", "sets", "set-below", "empty"],
)
def test_what_cannot_be_such_a_part_is_refused(changed: dict[str, np.ndarray]) -> None:
    with pytest.raises(ArtefactError, match="fit them again"):
        _topics(**changed)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    part = WidePart(
        np.ones((BUCKETS, 4), dtype=np.float32), np.zeros(4, dtype=np.float32),
        np.zeros((1, SENTIMENT_MIXED), dtype=np.float32), _topics(),
    )  # fmt: skip
    part.save(tmp_path / WIDE)
    read = load_wide(tmp_path / WIDE).topics
    assert read is not None
    for name in ("table", "bias", "mixing", "places", "sets"):
        np.testing.assert_array_equal(getattr(read, name), getattr(part.topics, name))
        assert getattr(read, name).dtype == (np.int64 if name in ("places", "sets") else np.float32)


def test_topics_mend_an_encoder_that_knows_nothing() -> None:
    parts = [[_rows(200, seed, NEWS), _rows(100, seed + 9, RISKS)] for seed in range(3)]
    silent = [np.zeros((len(rows), len(TOPIC_IDS)), dtype=np.float32) for rows in parts[1]]
    part = fit_wide_topics(parts[0], parts[1], silent, LIMITS, STRANGERS, CONFIG)
    for rows in parts[2]:
        found = part.beside(np.zeros((len(rows), len(TOPIC_IDS)), dtype=np.float32), rows.ids)
        assert (found[:, list(rows.places)].argmax(axis=1) == rows.truths.argmax(axis=1)).mean() > 0.95
        others = np.setdiff1d(np.arange(len(TOPIC_IDS)), [*NEWS, *RISKS])
        assert not found[:, others].any()


def test_an_encoder_that_knows_all_keeps_its_say_and_strangers_are_left_to_it() -> None:
    train, dev = _rows(200, 0, NEWS), _rows(100, 1, NEWS)
    noise = TopicRows(train.texts, [row[:-1] for row in train.ids], None, NEWS, train.truths)
    encoder = np.full((100, len(TOPIC_IDS)), -4, dtype=np.float32)
    encoder[:, list(NEWS)] += 8 * dev.truths
    part = fit_wide_topics([noise], [dev], [encoder], LIMITS, STRANGERS, CONFIG)
    assert (part.beside(encoder, dev.ids)[:, list(NEWS)].argmax(axis=1) == dev.truths.argmax(axis=1)).all()
    assert part.says(STRANGERS)[1][:, -1].mean() > 0.7
    assert part.says(dev.ids)[1][:, -1].mean() < 0.1


def test_the_same_rows_give_the_same_part() -> None:
    train, dev = _rows(90, 0, NEWS), _rows(60, 1, NEWS)
    encoder = np.random.default_rng(2).normal(size=(60, len(TOPIC_IDS))).astype(np.float32)
    one, other = (fit_wide_topics([train], [dev], [encoder], LIMITS, STRANGERS, CONFIG) for _ in range(2))
    np.testing.assert_array_equal(one.table, other.table)
    np.testing.assert_array_equal(one.mixing, other.mixing)


@given(values=st.lists(st.floats(-5, 5), min_size=9, max_size=9))
def test_the_slope_is_the_derivative_of_the_loss(values: list[float]) -> None:
    truths = np.eye(3, dtype=bool)

    def loss(flat: np.ndarray) -> float:
        return float(topic_loss(flat.reshape(3, 3), truths)[0].sum())

    def slope(flat: np.ndarray) -> np.ndarray:
        return topic_loss(flat.reshape(3, 3), truths)[1].ravel()

    assert check_grad(loss, slope, np.array(values)) < 1e-5


def test_training_leaves_one_where_a_set_asks_about_topics(built: Built) -> None:
    classifier = Classifier.load(built.folder, engine="onnx", threads=1)
    alone = Classifier.load(built.folder, engine="onnx", threads=1, wide=False)
    for name in built.manifest.encoders:
        wide = classifier.reader(name).wide
        assert wide is not None
        if wide.topics is None:
            continue
        text = "shares of the bank rise" if name == "en" else "公司股价上涨"
        moved = np.abs(classifier.all_logits(classifier.encode([text]))[1] - alone.all_logits(alone.encode([text]))[1])[
            0
        ]
        assert set(np.flatnonzero(moved > 1e-4)) <= set(wide.topics.places.tolist())
