"""The int8 file gives the same answers in torch as in ONNX Runtime: the same integers, in another program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from small_model import HEADS, HIDDEN, INTERMEDIATE, Built

from model.artefact import COMMITTED, ONNX_INT8
from model.attention_heads import keep_heads
from model.classifier import Classifier
from model.engines import OnnxEngine
from model.errors import ArtefactError
from model.export import export_int8
from model.int8_engine import Int8TorchEngine
from model.int8_network import Int8Linear
from model.int8_weights import Int8Product, read_int8
from model.network import load_network
from model.quantization import ACTIVATION_LIMIT, quantize_columns
from model.written.rows import written_examples

EXACT = 2e-3  # of logits; now and then an activation falls on the other side of the edge between two steps
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


def batch(rows: int = 40, tokens: int = 17) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Token ids of the small model, padded at the end."""
    rng = np.random.default_rng(7)
    mask = (np.arange(tokens) < rng.integers(2, tokens + 1, rows)[:, None]).astype(np.int64)
    return np.where(mask > 0, rng.integers(4, 60, (rows, tokens)), 1), mask


@pytest.mark.parametrize("device", DEVICES)
def test_labels_of_written_sentences_are_those_of_onnx_runtime(device: str) -> None:
    """In both languages, of texts and of questions about a company, with the weights that are shipped."""
    asked = written_examples(copies=1, seed=0)[::4]
    classifier = Classifier.load(engine="onnx")
    tokens = classifier.encode([one.text for one in asked], toward=[one.entity for one in asked])
    assert min(sum(one.encoder == name for one in tokens) for name in ("en", "zh")) > 150
    for name in ("en", "zh"):
        mine = sorted((one.ids for one in tokens if one.encoder == name), key=len)
        file = COMMITTED / name / ONNX_INT8
        here, there = OnnxEngine(file), Int8TorchEngine.load(file, device=device)
        expected, found = (np.concatenate([_sentiment(one, mine[at : at + 32]) for at in range(0, len(mine), 32)])
                           for one in (here, there))  # fmt: skip
        close = np.abs(softmax(found, axis=1) - softmax(expected, axis=1)).max(axis=1) <= 0.02
        assert close.mean() >= 0.995, name
        assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.995, name


def _sentiment(engine: OnnxEngine | Int8TorchEngine, texts: list[list[int]]) -> npt.NDArray[np.float32]:
    longest = max(map(len, texts))
    ids = np.array([one + [0] * (longest - len(one)) for one in texts], dtype=np.int64)
    mask = np.array([[1] * len(one) + [0] * (longest - len(one)) for one in texts], dtype=np.int64)
    return engine.logits(ids, mask)[0]


@pytest.mark.parametrize("device", DEVICES)
def test_every_output_is_that_of_onnx_runtime(built: Built, device: str) -> None:
    ids, mask = batch()
    file = built.english / ONNX_INT8
    here, there = OnnxEngine(file, threads=1), Int8TorchEngine.load(file, device=device)
    assert there.name == f"torch-int8-{device}"
    assert there.embedding_width == here.embedding_width == HIDDEN
    pairs = zip((*here.logits(ids, mask), here.embeddings(ids, mask)),
                (*there.logits(ids, mask), there.embeddings(ids, mask)), strict=True)  # fmt: skip
    for expected, found in pairs:
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        assert np.quantile(np.abs(found - expected).max(axis=1), 0.9) < EXACT


def test_an_answer_does_not_depend_on_the_batch_or_its_padding(built: Built) -> None:
    ids, mask = batch()
    engine = Int8TorchEngine.load(built.english / ONNX_INT8)
    together, _ = engine.logits(ids, mask)
    for row in range(0, 40, 7):
        length = int(mask[row].sum())
        alone, _ = engine.logits(ids[row : row + 1, :length], mask[row : row + 1, :length])
        np.testing.assert_allclose(alone[0], together[row], atol=EXACT)


def test_a_layer_that_lost_heads_is_read_as_it_is(built: Built, tmp_path: Path) -> None:
    network = load_network(built.english)
    keep_heads(network.encoder.encoder.layer[1].attention, [1])
    export_int8(network, tmp_path / ONNX_INT8)
    weights = read_int8(tmp_path / ONNX_INT8)
    assert weights.head_size == HIDDEN // HEADS
    assert weights.products["encoder.encoder.layer.1.attention.self.query"].integers.shape == (HIDDEN, HIDDEN // HEADS)
    ids, mask = batch()
    expected, _ = OnnxEngine(tmp_path / ONNX_INT8, threads=1).logits(ids, mask)
    found, _ = Int8TorchEngine.load(tmp_path / ONNX_INT8).logits(ids, mask)
    assert np.quantile(np.abs(found - expected).max(axis=1), 0.9) < EXACT


@given(rows=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_a_product_is_the_formula_of_the_quantization(rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    hidden = (rng.normal(size=(1, rows, 16)) * rng.choice([0.01, 1, 100], size=(1, rows, 1))).astype(np.float32)
    hidden[0, 0] = 0
    products = [Int8Product(*quantize_columns(rng.normal(size=(16, 24)).astype(np.float32))) for _ in range(2)]
    bias = rng.normal(size=48).astype(np.float32)
    found = Int8Linear(products, list(torch.from_numpy(bias).split(24)))(torch.from_numpy(hidden))[0].numpy()
    scale = np.maximum(np.abs(hidden[0]).max(axis=1, keepdims=True) * np.float32(1 / ACTIVATION_LIMIT), 1e-9)
    steps = np.round(hidden[0] / scale).astype(np.int64)
    sums = np.concatenate([steps @ one.integers.astype(np.int64) for one in products], axis=1)
    columns = np.concatenate([one.columns for one in products])
    np.testing.assert_allclose(found, sums * scale * columns + bias, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found[0], bias)


def test_what_is_no_export_of_a_bert_is_refused(built: Built, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    with pytest.raises(ArtefactError, match="not a readable ONNX model"):
        read_int8(tmp_path / "broken.onnx")
    other = onnx.load(built.english / ONNX_INT8)
    for node in other.graph.node:
        if node.op_type == "Erf":
            node.op_type = "Tanh"
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(ArtefactError, match="only the 'onnx' engine"):
        read_int8(tmp_path / "other.onnx")


def test_the_whole_shape_is_read_from_the_file(built: Built) -> None:
    weights, network = read_int8(built.english / ONNX_INT8), load_network(built.english)
    assert weights.layers == len(network.encoder.encoder.layer)
    assert weights.epsilon == pytest.approx(network.encoder.config.layer_norm_eps)
    for name, one in weights.products.items():
        exact = network.get_submodule(name).weight.detach().numpy().T
        np.testing.assert_allclose(one.integers * one.columns, exact, atol=float(one.columns.max()) * 0.51)
    assert weights.products["encoder.encoder.layer.0.intermediate.dense"].integers.shape == (HIDDEN, INTERMEDIATE)
