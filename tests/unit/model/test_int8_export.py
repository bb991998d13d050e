"""The small file says what the network says: fp32 ONNX to rounding, int8 within the noise of eight bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from small_model import Built

from model.engines import OnnxEngine, TorchEngine
from model.errors import ArtefactError, EngineError
from model.export import RowQuantizedEmbedding, disagreement, export_int8, export_onnx
from model.labels import TOPIC_IDS
from model.network import load_network
from model.quantization import WEIGHT_LIMIT, quantize_columns


def _batch(rows: int = 40, tokens: int = 17) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(7)
    ids = torch.from_numpy(rng.integers(4, 60, (rows, tokens)))
    lengths = torch.from_numpy(rng.integers(2, tokens + 1, rows))
    mask = (torch.arange(tokens) < lengths[:, None]).to(torch.int64)
    return torch.where(mask > 0, ids, 1), mask


@pytest.fixture(scope="module")
def reference(built: Built) -> TorchEngine:
    return TorchEngine(built.english, threads=1)


def test_fp32_onnx_agrees_with_torch(built: Built, reference: TorchEngine, tmp_path: Path) -> None:
    network = load_network(built.english)
    export_onnx(network, tmp_path / "model.onnx")
    ids, mask = (one.numpy() for one in _batch())
    ours, theirs = reference.logits(ids, mask), OnnxEngine(tmp_path / "model.onnx", threads=1)
    assert theirs.name == "onnxruntime-fp32-cpu"
    for expected, found in zip(ours, theirs.logits(ids, mask), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_int8_agrees_with_torch(built: Built, reference: TorchEngine) -> None:
    ids, mask = _batch()
    engine = OnnxEngine(built.english / "model.int8.onnx", threads=1)
    assert engine.name == "onnxruntime-int8-cpu"
    expected, topics = reference.logits(ids.numpy(), mask.numpy())
    found, found_topics = engine.logits(ids.numpy(), mask.numpy())
    assert found.shape == (40, 3)
    assert found_topics.shape == (40, len(TOPIC_IDS))
    assert found.dtype == np.float32
    assert np.abs(found - expected).mean() < 0.05 * expected.std() + 0.02
    assert np.abs(found_topics - topics).mean() < 0.05 * topics.std() + 0.02
    assert disagreement(reference, engine, ids, mask) <= 0.1


def test_padding_changes_nothing(reference: TorchEngine) -> None:
    ids, mask = _batch(3, 9)
    wide_ids = torch.nn.functional.pad(ids, (0, 8), value=1)
    wide_mask = torch.nn.functional.pad(mask, (0, 8))
    narrow, wide = reference.logits(ids.numpy(), mask.numpy()), reference.logits(wide_ids.numpy(), wide_mask.numpy())
    np.testing.assert_allclose(narrow[0], wide[0], atol=1e-5)


def test_an_int8_answer_does_not_depend_on_the_batch(built: Built) -> None:
    ids, mask = (one.numpy() for one in _batch())
    engine = OnnxEngine(built.english / "model.int8.onnx", threads=1)
    together, _ = engine.logits(ids, mask)
    for row in range(0, 40, 7):
        length = int(mask[row].sum())
        alone, _ = engine.logits(ids[row : row + 1, :length], mask[row : row + 1, :length])
        np.testing.assert_allclose(alone[0], together[row], atol=1e-4)


def test_columns_are_rounded_to_seven_bits_and_their_own_scale() -> None:
    weight = np.random.default_rng(2).normal(size=(24, 6)).astype(np.float32)
    weight[:, 2] *= 50
    weight[:, 4] = 0
    integers, scale = quantize_columns(weight)
    assert integers.dtype == np.int8
    assert np.abs(integers).max() == WEIGHT_LIMIT
    assert 2 * 255 * WEIGHT_LIMIT < 2**15  # what two neighbours may add up to in 16 bits
    assert (np.abs(integers * scale - weight).max(axis=0) <= scale * 0.51).all()


def test_exporting_leaves_the_network_as_it_was(built: Built, tmp_path: Path) -> None:
    network = load_network(built.english).train()
    words = network.encoder.embeddings.word_embeddings
    export_int8(network, tmp_path / "m.int8.onnx")
    assert network.training
    assert network.encoder.embeddings.word_embeddings is words
    assert network.encoder.config._attn_implementation == "sdpa"


def test_int8_is_smaller_even_where_weights_are_few(built: Built, tmp_path: Path) -> None:
    export_onnx(load_network(built.english), tmp_path / "plain.onnx")
    assert (built.english / "model.int8.onnx").stat().st_size < 0.9 * (tmp_path / "plain.onnx").stat().st_size


def test_an_embedding_row_is_right_to_half_a_step() -> None:
    weight = torch.randn(20, 16, generator=torch.Generator().manual_seed(0))
    weight[3] *= 100  # one loud row must not blur the others
    error = (RowQuantizedEmbedding(weight)(torch.arange(20)[None])[0] - weight).abs().amax(dim=1)
    assert (error <= weight.abs().amax(dim=1) / 127 * 0.501).all()


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    with pytest.raises(ArtefactError, match="not a readable ONNX model"):
        OnnxEngine(tmp_path / "broken.onnx")


def test_without_torch_the_torch_engine_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EngineError, match=r"yuqing\[train\]"):
        TorchEngine(tmp_path)
