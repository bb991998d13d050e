"""A candidate comes into force only where a paired test says that it is better, and no single file pays for it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from small_model import Built

from model.classifier import Classifier
from model.datasets import Row, document_rows, read_folder
from model.errors import ConfigError, DataError
from model.evaluation import evaluate
from model.promotion import frozen_rows, hits, judge
from model.splits import split
from model.tasks import SENTIMENT
from model.verdicts import Bar, verdict


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def _pair(both: int, only_old: int, only_new: int, neither: int = 0) -> tuple[np.ndarray, np.ndarray]:
    old = [True] * (both + only_old) + [False] * (only_new + neither)
    new = [True] * both + [False] * only_old + [True] * only_new + [False] * neither
    return np.array(old), np.array(new)


def test_a_clear_gain_on_every_file_is_accepted_and_each_figure_is_told() -> None:
    found = verdict("old", "new", {"a": _pair(70, 2, 20, 8), "b": _pair(150, 10, 40)}, Bar(), rng=_rng())
    assert found.better
    assert found.gain == pytest.approx((18 / 100 + 30 / 200) / 2)
    assert found.p_value < 0.001
    assert (found.files["a"].incumbent, found.files["a"].candidate) == (0.72, 0.90)
    assert (found.files["a"].only_incumbent, found.files["a"].only_candidate) == (2, 20)


def test_a_gain_that_may_be_chance_is_refused_with_its_p_value() -> None:
    found = verdict("old", "new", {"a": _pair(80, 5, 8)}, Bar(), rng=_rng())
    assert found.gain == pytest.approx(3 / 93)
    (reason,) = found.reasons
    assert "may be chance" in reason


def test_a_certain_gain_below_the_margin_is_refused() -> None:
    found = verdict("old", "new", {"a": _pair(99_000, 0, 100)}, Bar(margin=0.01), rng=_rng())
    assert found.p_value < 0.001
    (reason,) = found.reasons
    assert "below the margin" in reason


def test_a_file_that_certainly_falls_vetoes_a_gain_on_average() -> None:
    found = verdict("old", "new", {"a": _pair(50, 0, 50), "b": _pair(60, 20, 2)}, Bar(), rng=_rng())
    assert found.gain > 0.1
    (reason,) = found.reasons
    assert reason.startswith("b falls from 0.9756 to 0.7561")


def test_a_file_that_falls_by_chance_vetoes_nothing() -> None:
    assert verdict("old", "new", {"a": _pair(50, 0, 50), "b": _pair(90, 4, 2)}, Bar(), rng=_rng()).better


@given(lost=st.integers(0, 30), won=st.integers(0, 30))
@settings(max_examples=40)
def test_with_one_file_the_test_is_mcnemars(lost: int, won: int) -> None:
    exact = float(binom.sf(won - 1, lost + won, 0.5))
    found = verdict("old", "new", {"a": _pair(10, lost, won)}, Bar(), rng=_rng())
    assert found.p_value == pytest.approx(exact, abs=0.02)


def test_equally_good_candidates_pass_no_oftener_than_promised() -> None:
    """Of 400 candidates that differ from the incumbent by chance alone, about one in twenty may pass, not more."""
    rng = np.random.default_rng(20)
    passed = 0
    for _ in range(400):
        pairs = {name: (rng.random(300) < 0.8, rng.random(300) < 0.8) for name in "abc"}
        passed += verdict("old", "new", pairs, Bar(), rng=rng).better
    assert passed <= binom.ppf(0.9999, 400, 0.05)


def test_frozen_rows_are_the_dev_parts_one_row_a_text(built: Built) -> None:
    sets = read_folder(built.data)
    found = frozen_rows(sets)
    for name, (task, chosen) in found.items():
        rows = sets[name][1]
        dev = [row for row, part in zip(rows, split([row.text for row in rows]), strict=True) if part == "dev"]
        expected = document_rows(dev)
        assert [row.text for row in chosen] == [row.text for row in expected]
        assert task is sets[name][0]
    assert found.keys() == sets.keys()


def test_files_without_a_dev_part_are_no_ground_to_promote_on() -> None:
    with pytest.raises(DataError, match="large enough"):
        frozen_rows({"tiny": (SENTIMENT, [Row("Shares rise", "positive")])})


def test_what_counts_as_right_is_what_evaluate_counts(built: Built, classifier: Classifier) -> None:
    for task, rows in read_folder(built.data).values():
        chosen = document_rows(rows)[::7]
        right = hits(classifier, chosen, task)
        assert right.mean() == pytest.approx(evaluate(classifier, chosen, task).accuracy)


def test_a_model_of_another_split_cannot_be_compared(classifier: Classifier) -> None:
    assert classifier.manifest.training["seed"] == 3
    with pytest.raises(ConfigError, match="split of seed 3"):
        judge(classifier, classifier, {}, Bar(), rng=_rng())


def test_a_model_compared_with_itself_is_not_better(built: Built, classifier: Classifier) -> None:
    same = Classifier.load(built.folder, threads=1)
    same.manifest = msgspec.structs.replace(classifier.manifest, training={"seed": 0})
    found = judge(same, same, frozen_rows(read_folder(built.data)), Bar(), rng=_rng())
    assert (found.gain, found.better) == (0.0, False)
    assert found.p_value == 1.0
