"""The model card says what was measured, and the committed one is about the committed weights."""

from __future__ import annotations

from pathlib import Path

from small_model import Built
from typer.testing import CliRunner

from model.artefact import COMMITTED, read_manifest
from model.card import model_card
from model.commands import app

CARD = Path(__file__).parents[3] / "docs" / "model-card.md"


def test_the_card_has_every_measurement_of_the_manifest(built: Built) -> None:
    card = model_card(built.folder, built.manifest)
    news = built.manifest.metrics["news"]
    assert f"# Model card: {built.manifest.model_version}" in card
    assert f"| news | {news['rows']} | {news['accuracy']:.3f} | {news['macro_f1']:.3f} |" in card
    assert all(f"| {name} | {rates['all']:.3f} |" in card for name, rates in built.manifest.behaviour.items())


def test_the_command_prints_the_card_of_a_folder(built: Built) -> None:
    result = CliRunner().invoke(app, ["model", "card", "--weights", str(built.folder)])
    assert result.stdout == model_card(built.folder, built.manifest)


def test_the_committed_card_is_that_of_the_committed_weights() -> None:
    committed = CARD.read_text(encoding="utf-8")
    assert committed == model_card(COMMITTED, read_manifest(COMMITTED)), "yuqing model card > docs/model-card.md"
