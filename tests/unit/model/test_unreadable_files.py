"""Bytes that are no JSON are told as what they are, wherever the model's files are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from model.artefact import MANIFEST, read_manifest
from model.config import read_config
from model.data_checks import check
from model.datasets import Row, entity_examples, read_rows
from model.drift_profile import read_profile
from model.errors import ModelError
from model.label_studio import read_export
from model.promotion_log import PROMOTIONS, promotions
from model.tasks import SENTIMENT

READERS: dict[str, Callable[[Path], object]] = {
    "labelled.jsonl": read_rows,
    "checked.jsonl": check,
    "export.json": read_export,
    "profile.json": lambda path: read_profile(path, "m1"),
    MANIFEST: lambda path: read_manifest(path.parent),
    PROMOTIONS: lambda path: promotions(path.parent),
    "config.toml": read_config,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("content", [b'{"text": "\xff"}', b'["\xe4"]', b'{"a":' * 20_000, b"[" * 20_000])
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError, match=path.name):
        READERS[name](path)


def test_a_row_that_names_an_entity_and_no_label_teaches_nothing_about_it() -> None:
    assert entity_examples([Row("Quay", labels=(), entity="Quay")], SENTIMENT, "ours") == []
