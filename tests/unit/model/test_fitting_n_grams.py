"""N-grams are fitted where they help, leave the encoder alone where they do not, and can be fitted anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from scipy.sparse import csr_array
from scipy.special import softmax
from small_model import CONFIG, Built
from typer.testing import CliRunner

from model.artefact import DRIFT, ONNX_INT8, WIDE, read_manifest, reader_files
from model.classifier import Classifier
from model.commands import app
from model.labels import RISK_IDS, TOPIC_IDS
from model.softmax_regression import fit_softmax, partial_loss
from model.techniques import WideConfig
from model.wide_fit import fit_wide
from model.wide_mixing import careful_temperature, fit_mixing
from model.wide_rows import WideRows
from model.written import written_examples

CONFIG_SMALL = WideConfig(bits=10, at_least=1)
ALL = np.ones((3, 3), dtype=bool)
STRANGERS = [[300 + place, 400 + place] for place in range(20)]


def _rows(count: int, seed: int, *, sources: tuple[str, ...] = ("news",)) -> tuple[WideRows, np.ndarray]:
    """Texts of ten pieces of chance and one, 100 to 102, that is the label; and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    ids = [[*rng.integers(0, 60, 10).tolist(), 100 + int(label)] for label in labels]
    texts = ["".join(chr(97 + place % 26) + chr(97 + place // 26) for place in row) for row in ids]
    of = [sources[place % len(sources)] for place in range(count)]
    return WideRows(texts, ids, np.eye(3, dtype=bool)[labels], np.ones((count, 3), dtype=bool), of), labels


def test_the_loss_is_that_of_what_is_allowed_among_what_was_asked() -> None:
    logits = np.array([[1.0, 2.0, 0.5], [1.0, 2.0, 0.5]])
    allowed = np.array([[False, True, True], [True, False, False]])
    considered = np.array([[True, True, True], [True, False, True]])
    chances = softmax(logits[0])
    losses, slope = partial_loss(logits, allowed, considered)
    np.testing.assert_allclose(losses[0], -np.log(chances[1] + chances[2]))
    np.testing.assert_allclose(losses[1], -np.log(softmax([1.0, 0.5])[0]))
    np.testing.assert_allclose(slope.sum(axis=1), 0, atol=1e-12)


@settings(max_examples=20)
@given(st.lists(st.floats(-5, 5), min_size=9, max_size=9))
def test_the_slope_is_the_derivative_of_the_loss(values: list[float]) -> None:
    allowed = np.array([[True, False, False], [False, True, True], [False, False, True]])
    considered = np.array([[True, True, True], [True, True, True], [True, False, True]])

    def loss(flat: np.ndarray) -> float:
        return float(partial_loss(flat.reshape(3, 3), allowed, considered)[0].sum())

    def slope(flat: np.ndarray) -> np.ndarray:
        return partial_loss(flat.reshape(3, 3), allowed, considered)[1].ravel()

    assert check_grad(loss, slope, np.array(values)) < 1e-5


def test_the_regression_finds_what_tells_answers_apart() -> None:
    features = csr_array(np.eye(3))
    weights, bias = fit_softmax(features, np.eye(3, dtype=bool), ALL, np.ones(3), strength=100.0)
    assert (features @ weights + bias).argmax(axis=1).tolist() == [0, 1, 2]
    weak, _ = fit_softmax(features, np.eye(3, dtype=bool), ALL, np.ones(3), strength=0.01)
    assert np.abs(weak).max() < np.abs(weights).max() / 10


def test_n_grams_mend_an_encoder_that_knows_nothing() -> None:
    (train, _), (dev, _), (test, labels) = (_rows(count, seed) for seed, count in enumerate((300, 90, 90)))
    part = fit_wide(train, dev, np.zeros((len(dev), 3)), STRANGERS, CONFIG_SMALL)
    answers = part.beside(np.zeros((len(test), 3), dtype=np.float32), test.ids).argmax(axis=1)
    assert (answers == labels).mean() > 0.95


def test_an_encoder_that_knows_all_keeps_its_say() -> None:
    (train, _), (dev, labels) = _rows(300, 0), _rows(90, 1)
    noise = WideRows(train.texts, [row[:-1] for row in train.ids], train.allowed, train.considered, train.sources)
    encoder = 4 * np.eye(3)[labels]
    part = fit_wide(noise, dev, encoder, STRANGERS, CONFIG_SMALL)
    ours = part.mixing[:-1]
    assert (ours[:, 0] > 1).all(), "an encoder that is always right may be surer"
    assert (np.abs(ours[:, 1]) < ours[:, 0]).all()


def test_of_hidden_names_nothing_is_learned_whatever_they_went_with() -> None:
    """Each label has a name of its own in every train text; hidden there, no name changes an answer afterwards."""
    train, labels = _rows(90, 0)
    names = [[200 + 250 * label, 201 + 250 * label] for label in range(3)]
    texts = [[*row, *names[label]] for row, label in zip(train.ids, labels, strict=True)]
    hidden = [np.arange(len(row)) >= len(row) - 2 for row in texts]
    strangers = [[1300 + place, 1400 + place] for place in range(20)]
    seen = replace(train, ids=texts)
    learned, blind = (
        fit_wide(rows, seen, np.zeros((90, 3)), strangers, msgspec.structs.replace(CONFIG_SMALL, bits=18))
        for rows in (seen, replace(seen, hidden=hidden))
    )
    said = [[part.says([[7, 101, *name]]) for name in (*names, [9000, 9001])] for part in (learned, blind)]
    assert any(np.abs(one[0] - said[0][0][0]).max() > 0.1 for one in said[0])
    for sentiment, kinds in said[1]:
        np.testing.assert_array_equal(sentiment, said[1][0][0])
        np.testing.assert_array_equal(kinds, said[1][0][1])


def test_texts_that_differ_in_a_name_alone_are_answered_the_more_alike_the_more_it_is_asked() -> None:
    """Each label has a word of its own, which is a name in the swapped texts."""
    (train, _), (dev, _) = _rows(300, 0), _rows(90, 1)
    swapped = [[7, 8, 100 + place % 2] for place in range(40)]
    apart = []
    for alike in (0.0, 0.1, 10.0):
        config = msgspec.structs.replace(CONFIG_SMALL, bits=18, alike=alike)
        part = fit_wide(train, dev, np.zeros((len(dev), 3)), STRANGERS, config, swapped)
        sentiment, _ = part.says(swapped[:2])
        apart.append(np.abs(softmax(sentiment, axis=1)[0] - softmax(sentiment, axis=1)[1]).max())
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 0.1 < apart[0]


def test_a_text_like_those_of_no_set_is_left_to_the_encoder() -> None:
    train, dev = _rows(300, 0)[0], _rows(90, 1)[0]
    strangers = [[300, 301 + place % 9] for place in range(100)]
    part = fit_wide(train, dev, np.zeros((len(dev), 3)), strangers, CONFIG_SMALL)
    np.testing.assert_array_equal(part.mixing[-1], [1, 0, 0, 0, 0])
    assert part.says([[300, 304]])[1][0, -1] > 0.8
    assert part.says(dev.ids)[1][:, -1].mean() < 0.1


def test_a_set_that_is_too_sure_is_cooled_without_the_others() -> None:
    """Half of the rows of one set have a label of chance, which the encoder is as sure of as of the other set's."""
    dev, labels = _rows(400, 3, sources=("sound", "shaky"))
    shaky = np.array([source == "shaky" for source in dev.sources])
    said = labels.copy()
    said[shaky] = np.where(np.arange(shaky.sum()) % 2, said[shaky], (said[shaky] + 1) % 3)
    kinds = np.stack([~shaky, shaky, np.zeros(len(dev))], axis=1).astype(float)
    mixing = fit_mixing(5.0 * np.eye(3)[said], np.zeros((len(dev), 3)), kinds, dev)
    assert mixing[1, 0] < mixing[0, 0] / 2


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.0])
def test_what_is_too_sure_is_cooled_as_far_as_it_is_and_a_little_more(truth: float) -> None:
    """Labels are drawn from the probabilities of logits, which are then made `truth` times too sure."""
    rng = np.random.default_rng(3)
    found = []
    for count in (300, 30_000):
        logits = rng.normal(0, 2, (count, 3))
        labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
        allowed = np.eye(3, dtype=bool)[labels]
        found.append(careful_temperature(truth * logits, allowed, np.ones_like(allowed), np.ones(count)))
    few, many = found
    assert many == pytest.approx(truth, rel=0.06)
    assert few > 0.9 * truth


def test_the_fewer_rows_there_are_the_more_careful_it_is() -> None:
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 2, (200, 3))
    allowed = np.eye(3, dtype=bool)[(logits + rng.gumbel(size=logits.shape)).argmax(axis=1)]
    asked = np.ones_like(allowed)
    once = careful_temperature(logits, allowed, asked, np.ones(200))
    many = (np.tile(one, (10, 1)) for one in (logits, allowed, asked))
    tenfold = careful_temperature(*many, weights=np.ones(2000))
    assert once > tenfold


def test_the_same_rows_give_the_same_part() -> None:
    train, dev = _rows(120, 0)[0], _rows(60, 1)[0]
    encoder = np.random.default_rng(2).normal(size=(60, 3))
    one, other = (fit_wide(train, dev, encoder, STRANGERS, CONFIG_SMALL) for _ in range(2))
    np.testing.assert_array_equal(one.table, other.table)
    np.testing.assert_array_equal(one.mixing, other.mixing)


def test_an_n_gram_that_too_few_texts_have_is_left_out() -> None:
    train, dev = _rows(120, 0)[0], _rows(60, 1)[0]
    part = fit_wide(train, dev, np.zeros((60, 3)), STRANGERS, msgspec.structs.replace(CONFIG_SMALL, at_least=500))
    assert not part.table.any()


@pytest.fixture(scope="module")
def widened(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("widened")
    command = ["model", "widen", str(built.folder), "--data", str(built.data), "--out", str(out), "--bits", "12"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    assert read_manifest(out).model_version in result.stdout
    return out


def test_fitting_anew_changes_n_grams_and_version_and_no_encoder(built: Built, widened: Path) -> None:
    manifest = read_manifest(widened)
    assert manifest.model_version != built.manifest.model_version
    assert manifest.training["wide"]["bits"] == 12
    for name in reader_files(manifest.encoders):
        assert (manifest.files[name] == built.manifest.files[name]) == (not name.endswith(WIDE))


def test_what_written_sentences_teach_keeps_its_threshold(built: Built, widened: Path) -> None:
    taught = np.any([one.mask >= 1 for one in written_examples(copies=1, seed=0)], axis=0)
    assert {TOPIC_IDS[place] for place in np.flatnonzero(taught)} == set(RISK_IDS)
    pairs = zip(built.manifest.thresholds, read_manifest(widened).thresholds, taught, strict=True)
    assert all(old == new for old, new, kept in pairs if kept)


def test_what_was_fitted_anew_is_measured_and_profiled(widened: Path) -> None:
    manifest = read_manifest(widened)
    assert DRIFT in manifest.files
    assert f'"{manifest.model_version}"' in (widened / DRIFT).read_text()
    assert set(manifest.metrics["news"]) >= {"accuracy", "encoder", "fp32"}


def test_the_same_training_fits_the_same_n_grams(built: Built, widened: Path, tmp_path: Path) -> None:
    assert CONFIG.wide == WideConfig()
    command = ["model", "widen", str(widened), "--data", str(built.data), "--out", str(tmp_path)]
    assert CliRunner().invoke(app, command).exit_code == 0
    manifest = read_manifest(tmp_path)
    assert all(manifest.files[name] == built.manifest.files[name] for name in reader_files(manifest.encoders))


def test_a_folder_is_not_fitted_into_itself(built: Built) -> None:
    command = ["model", "widen", str(built.folder), "--data", str(built.data), "--out", str(built.folder)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "name another folder" in result.stderr
    assert Classifier.load(built.folder).version == built.manifest.model_version
    assert (built.english / ONNX_INT8).is_file()
