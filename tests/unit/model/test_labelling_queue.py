"""Annotators see what the model is least sure of, no story twice, and what they say comes back as a labelled file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.datasets import read_rows, task_of_rows
from model.errors import DataError
from model.label_studio import VIEW, read_export, tasks
from model.labelling import Unlabelled, as_row, certainty, json_lines, labelling_queue, margin
from model.tasks import SENTIMENT

WORDS = "amber birch cedar delta ember fjord grove heath inlet jetty knoll ledge marsh north ocean plain quarry ridge"


def _pool(count: int, seed: int = 0) -> list[Unlabelled]:
    rng = np.random.default_rng(seed)
    words = WORDS.split()
    return [
        Unlabelled(" ".join(rng.permutation(words)[:9]), tuple(rng.dirichlet([1, 1, 1])), document_id=str(number))
        for number in range(count)
    ]


def _rng() -> np.random.Generator:
    return np.random.default_rng(4)


@given(st.lists(st.floats(0.001, 1), min_size=3, max_size=3))
def test_doubt_lies_between_undecided_and_sure(weights: list[float]) -> None:
    chances = [one / sum(weights) for one in weights]
    assert 0 <= margin(chances) <= 1
    assert -1e-9 <= certainty(chances) <= 1
    assert margin([1 / 3] * 3) == pytest.approx(0)
    assert certainty([1 / 3] * 3) == pytest.approx(0)
    assert margin([0, 1, 0]) == certainty([0, 1, 0]) == pytest.approx(1)


def test_the_least_margin_comes_first_and_a_tenth_by_chance() -> None:
    pool = _pool(300)
    chosen = labelling_queue(pool, 50, rng=_rng())
    assert len(chosen) == len({one.text for one in chosen}) == 50
    doubtful = [margin(one.probabilities) for one in chosen[:45]]
    assert doubtful == sorted(doubtful)
    assert max(doubtful) < np.quantile([margin(one.probabilities) for one in pool], 0.2)
    assert np.mean([margin(one.probabilities) for one in chosen[45:]]) > 2 * np.mean(doubtful)


def test_the_two_strategies_ask_different_questions() -> None:
    between_two = Unlabelled("cedar delta ember fjord grove", (0.5, 0.5, 0.0))
    between_all = Unlabelled("heath inlet jetty knoll ledge", (0.4, 0.32, 0.28))
    pool = [between_two, between_all]
    assert labelling_queue(pool, 1, rng=_rng(), chance=0) == [between_two]
    assert labelling_queue(pool, 1, rng=_rng(), chance=0, strategy="entropy") == [between_all]


def test_of_a_story_and_of_near_duplicates_only_the_most_doubtful_is_asked() -> None:
    pool = [
        Unlabelled("Harbourline Bank halts withdrawals, its customers queue", (0.6, 0.3, 0.1), story="s"),
        Unlabelled("Savers cannot get at their money at a regional lender", (0.5, 0.4, 0.1), story="s"),
        Unlabelled("Northmere Foods recalls its whole range of soups on Monday 4 May", (0.45, 0.4, 0.15)),
        Unlabelled("NORTHMERE FOODS recalls its whole range of soups on Monday, 5 May!", (0.9, 0.05, 0.05)),
        Unlabelled("  ", (0.34, 0.33, 0.33)),
    ]
    chosen = labelling_queue(pool, 10, rng=_rng())
    assert [one.probabilities[0] for one in chosen] == [0.45, 0.5]


@given(st.integers(0, 40), st.integers(1, 30), st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_the_queue_is_never_longer_than_asked_nor_empty_where_there_is_something(
    size: int, count: int, chance: float
) -> None:
    chosen = labelling_queue(_pool(size), count, rng=_rng(), chance=chance)
    assert len(chosen) <= min(size, count)
    assert bool(chosen) == bool(size)


def test_the_same_seed_draws_the_same_whatever_the_order() -> None:
    pool = _pool(100)
    assert labelling_queue(pool, 20, rng=_rng()) == labelling_queue(pool[::-1], 20, rng=_rng())


def test_a_filled_in_queue_is_a_labelled_file(tmp_path: Path) -> None:
    path = tmp_path / "queue.jsonl"
    rows = [as_row(one) for one in _pool(4)]
    path.write_bytes(json_lines(rows))
    assert all(json.loads(line)["label"] is None for line in path.read_text().splitlines())
    with pytest.raises(DataError, match="none at all"):
        task_of_rows(read_rows(path))
    path.write_bytes(json_lines(row | {"label": name} for row, name in zip(rows, "np" * 2, strict=True)))
    path.write_text(path.read_text().replace('"n"', '"negative"').replace('"p"', '"neutral"'))
    assert task_of_rows(read_rows(path)) is SENTIMENT


def test_a_task_for_label_studio_has_the_text_and_the_answer_of_the_model() -> None:
    (task,) = tasks([Unlabelled("Shares slide", (0.7, 0.2, 0.1), language="en", document_id="d", model_version="m1")])
    assert task["data"] == {"text": "Shares slide", "lang": "en", "document_id": "d"}
    (prediction,) = task["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("m1", 0.7)
    (result,) = prediction["result"]
    assert result["value"] == {"choices": ["negative"]}
    assert f'name="{result["from_name"]}" toName="{result["to_name"]}"' in VIEW


def _export(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def _annotation(*choices: str, cancelled: bool = False, name: str = "sentiment") -> dict[str, Any]:
    result = [{"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": list(choices)}}]
    return {"id": 1, "completed_by": 2, "was_cancelled": cancelled, "result": result if choices else []}


def test_most_annotators_decide_and_ties_and_skipped_tasks_are_counted(tmp_path: Path) -> None:
    data = {"text": "股价下跌", "lang": "zh", "document_id": "d1"}
    worse, same = _annotation("negative"), _annotation("neutral")
    content = [
        {"id": 1, "data": data, "annotations": [worse, worse, same]},
        {"id": 2, "data": {"text": "Tied"}, "annotations": [_annotation("negative"), _annotation("positive")]},
        {"id": 3, "data": {"text": "Skipped"}, "annotations": [_annotation("negative", cancelled=True)]},
        {"id": 4, "data": {"text": "Unseen"}, "annotations": []},
        {"id": 5, "data": {"text": "Else"}, "annotations": [_annotation("spam", name="kind"), _annotation("neutral")]},
    ]  # fmt: skip
    found = read_export(_export(tmp_path / "export.json", content))
    assert found.rows == [
        {"text": "股价下跌", "label": "negative", "lang": "zh", "document_id": "d1", "annotators": 3},
        {"text": "Else", "label": "neutral", "annotators": 1},
    ]
    assert (found.unlabelled, found.disagreed) == (2, 1)


def test_the_short_export_is_read_too_and_annotators_of_one_text_are_counted_together(tmp_path: Path) -> None:
    rows = [{"text": "Up", "sentiment": name, "annotator": n} for n, name in enumerate(["positive", "positive", ""])]
    found = read_export(_export(tmp_path / "min.json", rows))
    assert found.rows == [{"text": "Up", "label": "positive", "annotators": 2}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"text": "x"}, "Export the project"),
        ([{"data": {"words": "x"}}], "task 1 has no text"),
        ([{"data": {"text": "x"}, "annotations": [_annotation("gloomy")]}], "'gloomy' is none of negative"),
        ([{"data": {"text": "x"}, "annotations": {}}], "task 1"),
    ],
)
def test_what_is_no_such_export_is_refused_with_its_place(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_export(_export(tmp_path / "odd.json", content))
    with pytest.raises(DataError, match="cannot be read"):
        read_export(tmp_path / "absent.json")
