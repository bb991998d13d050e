"""A weights folder is used only as it was written: anything missing, changed or foreign is refused by name."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from small_model import Built

from model.artefact import DRIFT, MANIFEST, ONNX_INT8, TOKENIZER, Manifest, read_manifest, reader_files, sha256
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
    files = {path.relative_to(weights).as_posix() for path in weights.rglob("*") if path.is_file()}
    assert files == {MANIFEST, DRIFT, *reader_files(built.manifest.encoders)}
    assert read_manifest(weights) == built.manifest
    assert Classifier.load(weights).version == built.manifest.model_version


def test_the_version_names_the_day_and_the_bytes(built: Built) -> None:
    product, day, digest = built.manifest.model_version.split("-")
    assert (product, len(day)) == ("yuqing", 8)
    joined = "".join(built.manifest.files[name] for name in reader_files(built.manifest.encoders))
    assert hashlib.sha256(joined.encode()).hexdigest().startswith(digest)


def test_the_manifest_says_how_it_was_made_and_how_good_it_is(built: Built) -> None:
    assert built.manifest.training["seed"] == 3
    assert built.manifest.metrics["news"]["rows"] > 0
    assert 0 <= built.manifest.metrics["news"]["accuracy"] <= 1
    assert built.manifest.metrics["news"]["fp32"]["accuracy"] == pytest.approx(
        built.manifest.metrics["news"]["encoder"]["accuracy"], abs=0.1
    ), "both are of the encoder without n-grams"
    assert set(built.manifest.behaviour["negation"]) == {"all", "en", "zh"}


@pytest.mark.parametrize("name", [f"en/{ONNX_INT8}", f"zh/{TOKENIZER}"])
def test_one_changed_byte_is_found(weights: Path, name: str) -> None:
    content = bytearray((weights / name).read_bytes())
    content[len(content) // 2] ^= 1
    (weights / name).write_bytes(content)
    with pytest.raises(ArtefactError, match=rf"{name} is not the file that the manifest describes"):
        Classifier.load(weights)


@pytest.mark.parametrize("name", [f"zh/{ONNX_INT8}", f"en/{TOKENIZER}"])
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
        ({"encoders": {"en": {"max_tokens": 2, "pad_id": 1}}}, "that cannot be"),
        ({"routes": {"en": "en"}}, "which of its encoders"),
        ({"routes": {"en": "en", "zh": "other"}}, "which of its encoders"),
        ({"thresholds": [0.5]}, "that cannot be"),
        ({"files": {}}, "vouches for no"),
        ({"surprise": 1}, "cannot be read"),
        ({"encoders": {"en": {"max_tokens": "many"}}}, "cannot be read"),
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
    name = f"en/{TOKENIZER}"
    shutil.copy(weights / MANIFEST, weights / name)
    _change(weights, files={**built.manifest.files, name: sha256(weights / name)})
    with pytest.raises(ArtefactError, match="not a readable tokenizer"):
        Classifier.load(weights)


def test_the_committed_weights_are_whole_and_small() -> None:
    from model.artefact import COMMITTED

    manifest: Manifest = read_manifest(COMMITTED)
    assert sum((COMMITTED / name).stat().st_size for name in manifest.files) < 60e6
