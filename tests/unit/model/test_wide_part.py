"""N-grams beside an encoder: what they are, that they have their say in one place, and that no batch changes it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_model import Built, copy_weights, sentences

from model.artefact import WIDE, read_manifest, reader_files, sha256, write_manifest
from model.classifier import Classifier
from model.errors import ArtefactError
from model.explanation import explain
from model.wide import MIXED, WidePart, load_wide, ngrams

TEXTS = ["shares rise", "公司股价下跌", "", "sold all, what a fraud", "bank raises its dividend " * 9, "x"]
IDS = st.lists(st.lists(st.integers(0, 40_000), min_size=1, max_size=30), max_size=8)
BUCKETS = 64


def _part(table: np.ndarray, mixing: list[list[float]]) -> WidePart:
    kinds = table.shape[1] - 3
    return WidePart(table.astype(np.float32), np.zeros(3 + kinds, dtype=np.float32), np.array(mixing, dtype=np.float32))


@given(texts=IDS)
def test_a_text_is_its_pieces_and_pairs_of_neighbours_with_length_one(texts: list[list[int]]) -> None:
    found = ngrams(texts, 1 << 18)
    assert found.shape == (len(texts), 1 << 18)
    for row, ids in enumerate(texts):
        count = 2 * len(ids) - 1
        assert found[[row]].sum() == pytest.approx(count / np.sqrt(count), rel=1e-4)


@given(texts=IDS)
def test_a_text_has_the_same_n_grams_in_any_company(texts: list[list[int]]) -> None:
    together = ngrams(texts, BUCKETS).toarray()
    for row, ids in enumerate(texts):
        np.testing.assert_array_equal(together[row], ngrams([ids], BUCKETS).toarray()[0])


def test_pairs_know_their_order_and_the_last_piece_has_no_neighbour() -> None:
    one, other, split = (ngrams(texts, 1 << 18).toarray().sum(axis=0) for texts in ([[5, 9]], [[9, 5]], [[5], [9]]))
    assert (np.count_nonzero(one), np.count_nonzero(other), np.count_nonzero(split)) == (3, 3, 2)
    assert (one != other).any()
    assert set(np.flatnonzero(split)) == set(np.flatnonzero(one)) & set(np.flatnonzero(other))


def test_what_each_part_says_is_weighed_by_the_kind_of_text() -> None:
    table = np.zeros((BUCKETS, 5))
    first, second = ngrams([[3]], BUCKETS).indices[0], ngrams([[4]], BUCKETS).indices[0]
    assert first != second
    table[first] = [1, 2, 3, 50, 0]  # surely of the first kind
    table[second] = [1, 2, 3, 0, 50]
    part = _part(table, [[1, 0, 0, 0, 0], [0, 2, 0, 0, 7]])
    found = part.beside(np.array([[9, 8, 7], [9, 8, 7]], dtype=np.float32), [[3], [4]])
    np.testing.assert_allclose(found, [[9, 8, 7], [2, 4, 13]], atol=1e-5)


def test_it_is_read_as_it_was_written_in_half_precision(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    part = _part(rng.normal(size=(BUCKETS, 5)), rng.normal(size=(2, MIXED)).tolist())
    part.save(tmp_path / WIDE)
    read = load_wide(tmp_path / WIDE)
    np.testing.assert_array_equal(read.table, part.table.astype(np.float16))
    np.testing.assert_array_equal(read.mixing, part.mixing)
    assert [path.name for path in tmp_path.iterdir()] == [WIDE]


@pytest.mark.parametrize(
    "arrays",
    [
        {"table": np.zeros((60, 4)), "bias": np.zeros(4), "mixing": np.zeros((1, MIXED))},
        {"table": np.zeros((64, 3)), "bias": np.zeros(3), "mixing": np.zeros((0, MIXED))},
        {"table": np.zeros((64, 4)), "bias": np.zeros(5), "mixing": np.zeros((1, MIXED))},
        {"table": np.zeros((64, 4)), "bias": np.zeros(4), "mixing": np.zeros((2, MIXED))},
        {"table": np.zeros(64), "bias": np.zeros(4), "mixing": np.zeros((1, MIXED))},
        {"table": np.zeros((64, 4)), "bias": np.zeros(4)},
        {"table": np.array([{}], dtype=object), "bias": np.zeros(4), "mixing": np.zeros((1, MIXED))},
    ],
    ids=["buckets", "no-kind", "bias", "mixing", "flat", "missing", "pickle"],
)
def test_what_cannot_be_such_a_part_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / WIDE, **arrays)
    with pytest.raises(ArtefactError, match=WIDE):
        load_wide(tmp_path / WIDE)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / WIDE).write_bytes(b"not an archive")
    with pytest.raises(ArtefactError, match="not a readable table"):
        load_wide(tmp_path / WIDE)


def test_training_leaves_one_beside_every_encoder_and_the_version_tells_it(built: Built) -> None:
    assert all(part.wide for part in built.manifest.encoders.values())
    assert {f"en/{WIDE}", f"zh/{WIDE}"} <= set(reader_files(built.manifest.encoders)) <= set(built.manifest.files)


@pytest.fixture(scope="module")
def alone(built: Built) -> Classifier:
    return Classifier.load(built.folder, engine="onnx", threads=1, wide=False)


def test_n_grams_have_a_say_on_whole_texts_and_none_on_companies_and_embeddings(
    classifier: Classifier, alone: Classifier
) -> None:
    texts = [str(row["text"]) for row in sentences("{} warns of a loss, shares fall {}", "", 20, seed=1)]
    tokens = classifier.encode(texts * 2, toward=[None] * len(texts) + ["bank"] * len(texts))
    (ours, topics), (encoder, same) = classifier.all_logits(tokens), alone.all_logits(tokens)
    assert (np.abs(ours - encoder)[: len(texts)].max(axis=1) > 1e-3).all()
    np.testing.assert_allclose(ours[len(texts) :], encoder[len(texts) :], atol=1e-5)
    assert (np.abs(topics - same)[: len(texts)].max(axis=1) > 1e-3).all()
    np.testing.assert_allclose(topics[len(texts) :], same[len(texts) :], atol=1e-5)
    np.testing.assert_allclose(classifier.embed(TEXTS), alone.embed(TEXTS), atol=1e-5)


def test_every_way_of_asking_gives_the_same(classifier: Classifier) -> None:
    tokens = classifier.encode(TEXTS * 2, toward=[None, "bank"] * len(TEXTS))
    together, _ = classifier.logits(tokens)
    np.testing.assert_allclose(classifier.all_logits(tokens, token_budget=40)[0], together, atol=1e-4)
    for place, one in enumerate(tokens):
        np.testing.assert_allclose(classifier.logits([one])[0][0], together[place], atol=1e-4)


def test_the_torch_engine_has_them_too(built: Built, alone: Classifier, classifier: Classifier) -> None:
    torch, torch_alone = (Classifier.load(built.folder, engine="torch", threads=1, wide=wide) for wide in (True, False))
    tokens = classifier.encode(TEXTS)
    moved = torch.logits(tokens)[0] - torch_alone.logits(tokens)[0]
    np.testing.assert_allclose(moved, classifier.logits(tokens)[0] - alone.logits(tokens)[0], atol=0.1)


def test_weights_without_them_still_load(built: Built, tmp_path: Path, alone: Classifier) -> None:
    copy_weights(built, tmp_path)
    parts = {name: msgspec.structs.replace(part, wide=False) for name, part in built.manifest.encoders.items()}
    files = {name: sha256(tmp_path / name) for name in reader_files(parts)}
    write_manifest(tmp_path, msgspec.structs.replace(built.manifest, encoders=parts, files=files))
    older = (tmp_path / "manifest.json").read_text().replace('"wide": false', "").replace('"pad_id": 1,', '"pad_id": 1')
    assert "pad_id" in older
    (tmp_path / "manifest.json").write_text(older)
    np.testing.assert_array_equal(
        Classifier.load(tmp_path, threads=1).logits(alone.encode(TEXTS))[0], alone.logits(alone.encode(TEXTS))[0]
    )


def test_a_part_that_the_manifest_names_but_does_not_vouch_for_is_refused(built: Built, tmp_path: Path) -> None:
    copy_weights(built, tmp_path)
    files = {name: found for name, found in built.manifest.files.items() if not name.endswith(WIDE)}
    write_manifest(tmp_path, msgspec.structs.replace(built.manifest, files=files))
    with pytest.raises(ArtefactError, match=f"vouches for no en/{WIDE}"):
        read_manifest(tmp_path)


def test_an_explanation_is_of_encoder_and_n_grams_together(classifier: Classifier, alone: Classifier) -> None:
    moved = []
    for text in ("amber cedar, shares of ocean ridge", "amber profit, loss of cedar", "will publish a record loss"):
        found = explain(classifier, text)
        assert found.probability == pytest.approx(classifier.predict([text])[0].negative, abs=1e-4)
        moved.append(abs(found.probability - explain(alone, text).probability))
    assert max(moved) > 1e-3
