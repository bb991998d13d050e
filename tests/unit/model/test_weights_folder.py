"""A weights folder is used only as it was written: anything missing, changed or foreign is refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from small_model import Built

from model.artefact import MANIFEST, ONNX_INT8, TOKENIZER, Manifest, read_manifest, sha256
from model.build import publish
from model.classifier import Classifier
from model.errors import ArtefactError


@pytest.fixture
def weights(built: Built, tmp_path: Path) -> Path:
    publish(built.folder, tmp_path / "weights")
    return tmp_path / "weights"


def _change(folder: Path, **values: Any) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | values))


def test_publishing_copies_exactly_what_is_needed(weights: Path, built: Built) -> None:
    assert {path.name for path in weights.iterdir()} == {MANIFEST, ONNX_INT8, TOKENIZER}
    assert read_manifest(weights) == built.manifest
    assert Classifier.load(weights).version == built.manifest.model_version


def test_the_version_names_the_network_and_its_bytes(built: Built) -> None:
    kind, day, digest = built.manifest.model_version.split("-")
    assert kind == "e5s2"
    assert len(day) == 8
    assert sha256(built.folder / ONNX_INT8).startswith(digest)


def test_the_manifest_says_how_it_was_made_and_how_good_it_is(built: Built) -> None:
    assert built.manifest.training["seed"] == 3
    assert built.manifest.metrics["news"]["rows"] > 0
    assert 0 <= built.manifest.metrics["news"]["accuracy"] <= 1
    assert built.manifest.temperature > 0


@pytest.mark.parametrize("name", [ONNX_INT8, TOKENIZER])
def test_one_changed_byte_is_found(weights: Path, name: str) -> None:
    content = bytearray((weights / name).read_bytes())
    content[len(content) // 2] ^= 1
    (weights / name).write_bytes(content)
    with pytest.raises(ArtefactError, match=rf"{name} is not the file that the manifest describes"):
        Classifier.load(weights)


@pytest.mark.parametrize("name", [ONNX_INT8, TOKENIZER])
def test_a_missing_file_is_named(weights: Path, name: str) -> None:
    (weights / name).unlink()
    with pytest.raises(ArtefactError, match=f"{name} is missing"):
        read_manifest(weights)


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="yuqing train"):
        Classifier.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "has format 99"),
        ({"topics": ["weather"]}, "other labels"),
        ({"sentiments": ["bad", "so-so", "good"]}, "other labels"),
        ({"temperature": 0.0}, "that cannot be"),
        ({"thresholds": [0.5]}, "that cannot be"),
        ({"files": {}}, "vouches for no"),
        ({"surprise": 1}, "cannot be read"),
        ({"max_tokens": "many"}, "cannot be read"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(weights: Path, change: dict[str, Any], message: str) -> None:
    _change(weights, **change)
    with pytest.raises(ArtefactError, match=message):
        read_manifest(weights)


def test_a_manifest_cannot_point_outside_its_folder(weights: Path, built: Built) -> None:
    _change(weights, files={**built.manifest.files, "../secret": "0" * 64})
    with pytest.raises(ArtefactError, match="outside its folder"):
        read_manifest(weights)


def test_a_tokenizer_that_is_none_is_refused_even_with_the_right_hash(weights: Path, built: Built) -> None:
    shutil.copy(weights / MANIFEST, weights / TOKENIZER)
    _change(weights, files={**built.manifest.files, TOKENIZER: sha256(weights / TOKENIZER)})
    with pytest.raises(ArtefactError, match="not a readable tokenizer"):
        Classifier.load(weights)


def test_the_committed_weights_are_whole_and_small() -> None:
    from model.artefact import COMMITTED

    manifest: Manifest = read_manifest(COMMITTED)
    assert sum((COMMITTED / name).stat().st_size for name in manifest.files) < 40e6
