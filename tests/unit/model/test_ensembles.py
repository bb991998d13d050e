"""Ensembles: what members say is averaged and stacked, measured on rows that chose nothing, and can teach."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from small_model import Built, sentences
from typer.testing import CliRunner, Result

from model.baseline import baseline_accuracy
from model.classifier import Classifier
from model.commands import app
from model.datasets import Example
from model.errors import ArtefactError, ConfigError, DataError
from model.evaluation import evaluate
from model.labels import SENTIMENTS, TOPIC_IDS
from model.lessons import taught
from model.measurement import chosen_rows
from model.measures import Floats
from model.stacking import FLOOR, STRENGTHS, features_of, fit_stack, linear_of
from model.teachers import load_teacher
from model.techniques import TeacherConfig

SETS = {"news": "sentiment", "posts": "polarity", "zh_negative": "negative"}
SETS |= {"tweets": "twitter_topic", "zh_risk": "risk_event"}


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["ensemble", *map(str, arguments)])


def _found(*arguments: object) -> dict[str, Any]:
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def measured(built: Built) -> dict[str, Any]:
    """The ensemble of the small model and TF-IDF, on every set."""
    files = [built.data / f"{name}.jsonl" for name in (*SETS, "zh_flash")]
    return _found(*files, "--model", built.folder)


def _members(seed: int, rows: int = 60, labels: int = 3) -> tuple[list[Floats], np.ndarray]:
    """Two members of which the second confuses each label with the next, always."""
    rng = np.random.default_rng(seed)
    truth = np.arange(rows) % labels
    vague = rng.dirichlet(np.ones(labels), size=rows)
    good, confused = vague + 0.3 * np.eye(labels)[truth], vague + 9 * np.eye(labels)[(truth + 1) % labels]
    return [one / one.sum(axis=1, keepdims=True) for one in (good, confused)], truth


def test_a_stack_learns_what_a_member_means() -> None:
    members, truth = _members(0)
    stack, strength = fit_stack(members, truth, range(60))
    fresh, again = _members(1)
    assert (np.mean(fresh, axis=0).argmax(axis=1) == again).mean() < 0.2
    assert (stack.chances(features_of(fresh)).argmax(axis=1) == again).mean() == 1
    assert strength in STRENGTHS


def test_a_stack_of_noise_trusts_nobody() -> None:
    rng = np.random.default_rng(0)
    noise, labels = rng.dirichlet(np.ones(3), size=90), rng.integers(0, 3, 90)
    stack, strength = fit_stack([noise], labels, range(90))
    assert strength < STRENGTHS[2]
    assert np.abs(stack.chances(features_of([noise])) - 1 / 3).max() < 0.25


@pytest.mark.parametrize("labels", [2, 3, 5])
def test_probabilities_stay_probabilities(labels: int) -> None:
    members, truth = _members(4, rows=40, labels=labels)
    stack, _ = fit_stack(members, truth, range(40))
    chances = stack.chances(features_of(members))
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert (chances >= 0).all()


def test_no_member_has_a_veto() -> None:
    features = features_of([np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])])
    assert features.tolist() == [pytest.approx([np.log(FLOOR), 0, np.log(0.5), np.log(0.5)])]


@pytest.mark.parametrize("labels", [["a", "b"], ["a", "b", "c"]])
def test_a_regression_answers_as_scikit_learn_has_it(labels: list[str]) -> None:
    rng = np.random.default_rng(0)
    features, truth = rng.normal(size=(30, 4)), np.array(labels * 15)[:30]
    regression = LogisticRegression().fit(features, truth)
    expected = regression.predict_proba(features)
    names = ["unseen", *reversed(labels)]
    found = linear_of(regression, names).chances(features)
    assert found[:, 0].tolist() == [0.0] * 30
    np.testing.assert_allclose(found[:, 1:], expected[:, ::-1], atol=1e-12)
    fewer = linear_of(regression, labels[:-1]).chances(features)
    np.testing.assert_allclose(fewer.sum(axis=1), 1)


def test_near_duplicates_do_not_choose_the_strength() -> None:
    """Twenty copies of each row look like knowledge to folds that cut them; by group there is nothing to learn."""
    rng = np.random.default_rng(2)
    noise, labels = rng.dirichlet(np.ones(3), size=12), rng.integers(0, 3, 12)
    copies, truth = np.repeat(noise, 20, axis=0), np.repeat(labels, 20)
    cut = fit_stack([copies, copies**2], truth, range(240))[1]
    whole = fit_stack([copies, copies**2], truth, list(np.repeat(np.arange(12), 20)))[1]
    assert whole < cut


def test_too_few_rows_are_refused() -> None:
    members, truth = _members(0)
    with pytest.raises(DataError, match="too few"):
        fit_stack([one[:4] for one in members], truth[:4], range(4))
    with pytest.raises(DataError, match="too few"):
        fit_stack(members, truth, [0] * 60)
    with pytest.raises(DataError, match="another label"):
        fit_stack(members, np.zeros(60, dtype=int), range(60))


def test_every_task_with_one_label_a_row_is_measured(measured: dict[str, Any]) -> None:
    assert {Path(one["file"]).stem: one["task"] for one in measured["files"]} == SETS
    (left_out,) = measured["left_out"]
    assert left_out["file"] == "zh_flash.jsonl"
    assert "several topics" in left_out["reason"]


@pytest.mark.parametrize("name", SETS)
def test_members_score_as_they_do_alone(built: Built, measured: dict[str, Any], name: str) -> None:
    rows = chosen_rows(built.data / f"{name}.jsonl", held_out=True, seed=measured["seed"])
    alone = evaluate(Classifier.load(built.folder, engine="torch"), rows.measured, rows.task)
    found = next(one for one in measured["files"] if one["file"] == f"{name}.jsonl")
    assert found["members"][str(built.folder)] == {"accuracy": alone.accuracy, "macro_f1": alone.macro_f1}
    assert found["members"]["tfidf"]["accuracy"] == baseline_accuracy(rows.train, rows.dev, rows.measured)
    assert found["rows"] == len(rows.measured)
    assert found["dev_rows"] == len(rows.dev)
    assert not found["toward"]


def test_an_ensemble_is_compared_with_its_best_member(measured: dict[str, Any]) -> None:
    for one in measured["files"]:
        best = one["members"][one["best"]]
        for name in ("mean", "stack"):
            tested = one["comparisons"][name]
            assert (tested["against"], tested["accuracy"]) == (one["best"], best["accuracy"])
            gained = tested["only_ours"] - tested["only_theirs"]
            assert gained == pytest.approx((one[name]["accuracy"] - best["accuracy"]) * one["rows"])
            assert 0 <= tested["p_value"] <= 1


def test_of_two_good_members_the_stack_is_good(measured: dict[str, Any]) -> None:
    news = measured["files"][0]
    assert min(one["accuracy"] for one in news["members"].values()) > 0.8
    assert news["stack"]["accuracy"] > 0.8
    assert news["mean"]["accuracy"] > 0.8


def test_rows_toward_entities_are_asked_about_them(built: Built, tmp_path: Path) -> None:
    path, lines = tmp_path / "pairs.jsonl", []
    for place, row in enumerate(sentences("{} Acme up, Bolt down {}", "x", 140)):
        for entity, label in (("Acme", "positive"), ("Bolt", ("negative", "neutral")[place % 2])):
            lines.append(json.dumps({"text": row["text"], "entity": entity, "label": label}))
    path.write_text("\n".join(lines))
    (found,) = _found(path, "--model", built.english, "--max-tokens", 24)["files"]
    rows = chosen_rows(path, held_out=True, seed=0)
    sentiment, _ = load_teacher(built.english, max_tokens=24).logits([(row.text, row.entity) for row in rows.measured])
    right = [SENTIMENTS[best] == row.label for best, row in zip(sentiment.argmax(axis=1), rows.measured, strict=True)]
    assert found["toward"]
    assert found["members"][str(built.english)]["accuracy"] == np.mean(right)


def test_the_table_names_every_member_and_the_best(built: Built) -> None:
    result = _run(built.data / "news.jsonl", "--model", built.folder, "--model", built.english, "--max-tokens", 24)
    assert result.exit_code == 0, result.output
    for expected in ("tfidf", "mean", "stack", "(best)", "macro-F1"):
        assert expected in result.stdout


@pytest.fixture(scope="module")
def teacher(built: Built, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A saved stack, and how it was measured when it was saved."""
    folder = tmp_path_factory.mktemp("ensemble") / "teacher"
    command = (built.data / "news.jsonl", "--model", built.folder, "--model", built.english, "--max-tokens", 24)
    return folder, _found(*command, "--teacher", folder)["files"][0]


def test_a_saved_stack_answers_as_it_was_measured(built: Built, teacher: tuple[Path, dict[str, Any]]) -> None:
    folder, found = teacher
    rows = chosen_rows(built.data / "news.jsonl", held_out=True, seed=3).measured
    sentiment, topics = load_teacher(folder, max_tokens=3).logits([(row.text, None) for row in rows])
    np.testing.assert_allclose(np.exp(sentiment).sum(axis=1), 1, rtol=1e-5)
    right = [SENTIMENTS[best] == row.label for best, row in zip(sentiment.argmax(axis=1), rows, strict=True)]
    assert np.mean(right) == found["stack"]["accuracy"]
    alone = [
        load_teacher(one, max_tokens=24).logits([(row.text, None) for row in rows])[1]
        for one in (built.folder, built.english)
    ]
    np.testing.assert_allclose(topics, np.mean(alone, axis=0), atol=1e-5)


def test_an_ensemble_teaches_like_any_teacher(teacher: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    none = np.zeros(len(TOPIC_IDS), dtype=np.float32)
    chosen = [Example("fjord profit hits a record, shares rise", "news", (), (), none, none, False)]
    (one,) = taught(chosen, TeacherConfig(sentiment=(str(teacher[0]),)), tmp_path / "en", max_tokens=24)
    assert one.lesson is not None
    assert SENTIMENTS[one.lesson[0].argmax()] == "positive"
    (cache,) = (tmp_path / "en" / "teachers").iterdir()
    assert cache.name == load_teacher(teacher[0], max_tokens=24).key


def test_a_damaged_ensemble_is_refused(teacher: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "ensemble.json").write_bytes((teacher[0] / "ensemble.json").read_bytes())
    with pytest.raises(ArtefactError, match="no readable ensemble"):
        load_teacher(tmp_path, max_tokens=24)
    (tmp_path / "ensemble.npz").write_bytes(b"PK")
    with pytest.raises(ArtefactError, match="no readable ensemble"):
        load_teacher(tmp_path, max_tokens=24)
    (tmp_path / "ensemble.npz").write_bytes((teacher[0] / "ensemble.npz").read_bytes())
    with pytest.raises(ConfigError, match="is no teacher"):
        load_teacher(tmp_path, max_tokens=24)  # its models are not where they were


@pytest.mark.parametrize(
    ("names", "message"),
    [(["posts"], "makes no teacher"), (["news", "posts"], "one file"), (["zh_flash"], "three sentiments")],
)
def test_what_makes_no_teacher_is_named(built: Built, tmp_path: Path, names: list[str], message: str) -> None:
    files = [built.data / f"{name}.jsonl" for name in names]
    result = _run(*files, "--model", built.english, "--max-tokens", 24, "--teacher", tmp_path / "teacher")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "teacher").exists()


def test_a_folder_without_a_model_is_named(built: Built, tmp_path: Path) -> None:
    result = _run(built.data / "news.jsonl", "--model", tmp_path)
    assert result.exit_code == 2
    assert "is no teacher" in result.stderr
