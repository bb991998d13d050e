"""A text becomes a vector of length 1, the same in any company, near those of its like; encoders are told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_model import HIDDEN, PIECES, Built, copy_weights, sentences, vouch, write_without_embeddings
from transformers import BertConfig, BertModel

from model.artefact import ONNX_INT8
from model.classifier import Classifier
from model.engines import OnnxEngine, TorchEngine
from model.errors import ArtefactError
from model.export import export_int8, export_onnx
from model.network import Network, load_network

TEXTS = [
    "shares rise",
    "公司股价下跌",
    "",
    "sold all, what a fraud",
    "bank raises its dividend " * 30,
    "🚀🚀🚀",
    "财务造假",
]


@settings(max_examples=40)
@given(texts=st.lists(st.text(max_size=200), max_size=6))
def test_any_text_has_a_vector_of_length_one(classifier: Classifier, texts: list[str]) -> None:
    rows = classifier.embed(texts)
    assert (rows.shape, rows.dtype) == ((len(texts), classifier.embedding_width), np.float32)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


@settings(max_examples=25)
@given(texts=st.lists(st.sampled_from(TEXTS), max_size=12), budget=st.integers(1, 300))
def test_order_and_company_do_not_matter(classifier: Classifier, texts: list[str], budget: int) -> None:
    alone = {text: classifier.embed([text])[0] for text in set(texts)}
    for row, text in zip(classifier.embed(texts, token_budget=budget), texts, strict=True):
        np.testing.assert_allclose(row, alone[text], atol=1e-4)


def test_texts_of_one_kind_are_nearer_to_each_other_than_to_others(classifier: Classifier) -> None:
    kinds = ("{} profit hits a record, shares rise {}", "sold all my {}, what a fraud {}")
    good, bad = (classifier.embed([str(row["text"]) for row in sentences(kind, "x", 30, seed=4)]) for kind in kinds)
    assert min((good @ good.T).mean(), (bad @ bad.T).mean()) > (good @ bad.T).mean() + 0.1


def test_the_encoder_of_a_text_is_told_before_it_is_read(classifier: Classifier) -> None:
    assert [classifier.encoder_of(text) for text in TEXTS] == [one.encoder for one in classifier.encode(TEXTS)]
    assert {classifier.encoder_of("shares rise"), classifier.encoder_of("公司股价下跌")} == {"en", "zh"}


def test_the_embedding_is_what_the_heads_are_given_before_dropout(built: Built) -> None:
    network = load_network(built.english).eval()
    network.dropout.train()
    torch.manual_seed(0)
    ids = torch.arange(4, 20).reshape(2, 8)
    with torch.no_grad():
        dropped, _, one = network(ids, torch.ones_like(ids))
        _, _, other = network(ids, torch.ones_like(ids))
        network.eval()
        sentiment, topics, pooled = network(ids, torch.ones_like(ids))
        torch.testing.assert_close(network.sentiment(pooled), sentiment)
        torch.testing.assert_close(network.topics(pooled), topics)
    assert not torch.allclose(dropped, sentiment)
    torch.testing.assert_close(one, other)


def test_padding_is_not_averaged_and_every_engine_gives_the_same(built: Built, tmp_path: Path) -> None:
    ids = np.array([[5, 6, 7, 1, 1], [8, 9, 10, 11, 12]])
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    exact = TorchEngine(built.english, threads=1)
    expected = exact.embeddings(ids, mask)
    assert expected.shape == (2, exact.embedding_width) == (2, HIDDEN)
    np.testing.assert_allclose(exact.embeddings(ids[:1, :3], mask[:1, :3]), expected[:1], atol=1e-5)

    export_onnx(load_network(built.english), tmp_path / "model.onnx")
    plain, small = OnnxEngine(tmp_path / "model.onnx", threads=1), OnnxEngine(built.english / ONNX_INT8, threads=1)
    assert plain.embedding_width == small.embedding_width == HIDDEN
    np.testing.assert_allclose(plain.embeddings(ids, mask), expected, atol=1e-4)
    assert np.abs(small.embeddings(ids, mask) - expected).mean() < 0.05 * expected.std()


def test_a_model_exported_before_there_were_embeddings_judges_and_says_how_to_mend_that(
    built: Built, classifier: Classifier, tmp_path: Path
) -> None:
    write_without_embeddings(built, tmp_path, "zh")
    old = Classifier.load(tmp_path, threads=1)
    assert old.predict(TEXTS) == classifier.predict(TEXTS)
    assert old.embedding_width is None, "one encoder without embeddings is a model without them"
    with pytest.raises(ArtefactError, match="export it again: `yuqing train`"):
        old.embed(["shares rise"])


def test_encoders_may_be_of_different_width(built: Built, classifier: Classifier, tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    narrow = Network(BertModel(BertConfig(vocab_size=len(PIECES), pad_token_id=1, **sizes), add_pooling_layer=False))
    copy_weights(built, tmp_path)
    export_int8(narrow, tmp_path / "zh" / ONNX_INT8)
    vouch(built, tmp_path)
    mixed = Classifier.load(tmp_path, threads=1)
    rows = mixed.embed(["shares rise", "公司股价下跌"])
    np.testing.assert_allclose(rows[0], classifier.embed(["shares rise"])[0], atol=1e-5)
    assert rows.shape == (2, HIDDEN)
    assert not rows[1, 16:].any()
    assert np.linalg.norm(rows[1, :16]) == pytest.approx(1, abs=1e-5)
