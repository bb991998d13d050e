"""The daily look for drift reads the last day from the database, and says so in the metrics and in the log."""

from __future__ import annotations

import json
import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from book_records import NOON, a_document
from books import an_ingest
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from deploy.drift_watch import look_for_drift
from deploy.schedule import Chores
from deploy.settings import Settings, load_settings
from model.artefact import COMMITTED, DRIFT, MANIFEST
from model.classifier import Classifier
from model.drift_profile import make_profile, write_profile
from model.errors import ArtefactError

NAMES = ["Harbourline", "Northmere", "Alder", "Quillon", "Oakfield", "Tamsin", "Brightwell", "Kestrel", "Larkhill"]
WORDS = ["retail", "shipping", "lending", "mining", "software", "insurance", "energy", "timber", "steel", "grain"]
CALM = ("{} will publish its {} results on Tuesday", "{} appoints a new head of {}", "{} opens an office for {}")
GRIM = ("{} shares plunge as {} losses deepen", "{} faces a fraud inquiry over its {} unit", "{} defaults on {} bonds")


def _headlines(templates: tuple[str, ...], count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [rng.choice(templates).format(rng.choice(NAMES), rng.choice(WORDS)) for _ in range(count)]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drift") / "drift.json"
    write_profile(make_profile(Classifier.load(threads=1), _headlines(CALM, 500, seed=1)), path)
    return path


@pytest.fixture
def settings(profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return load_settings(flags={"drift": {"profile": profile, "sample": 300}})


def _stored(engine: Engine, headlines: list[str], *, hours_ago: float = 2) -> None:
    minute = -60 * hours_ago
    documents = [
        a_document(f"{hours_ago}-{n}", n, minute=minute, title=title, body="") for n, title in enumerate(headlines)
    ]
    an_ingest(engine).scored(documents, [])


def _metric(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"yuqing_drift_{name}", labels)


def test_a_day_like_the_reference_raises_no_alarm(settings: Settings, database: Engine) -> None:
    _stored(database, _headlines(CALM, 400, seed=2))
    _stored(database, _headlines(GRIM, 400, seed=3), hours_ago=30)  # not the last day's
    with structlog.testing.capture_logs() as logs:
        look_for_drift(settings, database, NOON)
    assert _metric("documents", language="en") == 300, "no more than the sample is looked at"
    assert _metric("detected", language="en") == 0
    assert [entry["event"] for entry in logs] == ["drift_looked_for"]


def test_a_day_of_another_kind_is_an_alarm_in_the_metrics_and_the_log(settings: Settings, database: Engine) -> None:
    _stored(database, _headlines(GRIM, 400, seed=4))
    with structlog.testing.capture_logs() as logs:
        Chores(settings, database, lambda: NOON).look_for_drift()
    assert _metric("detected", language="en") == 1
    effect = _metric("effect", language="en", check="sentiment")
    assert effect is not None
    assert effect > 0.2
    warning = logs[0]
    assert (warning["event"], warning["log_level"], warning["language"]) == ("drift_detected", "warning", "en")
    assert "sentiment" in warning


def test_a_day_without_documents_leaves_no_old_figures(settings: Settings, database: Engine) -> None:
    _stored(database, _headlines(GRIM, 400, seed=4))
    look_for_drift(settings, database, NOON)
    look_for_drift(settings, database, NOON + timedelta(days=3))
    assert _metric("detected", language="en") is None
    assert _metric("documents", language="en") is None


def test_a_profile_of_another_model_is_said(settings: Settings, database: Engine, tmp_path: Path) -> None:
    assert settings.drift.profile is not None
    other = tmp_path / "other.json"
    other.write_text(settings.drift.profile.read_text().replace(Classifier.load(threads=1).version, "m0"))
    with pytest.raises(ArtefactError, match="profile of m0"):
        look_for_drift(load_settings(flags={"drift": {"profile": other}}), database, NOON)


def test_the_profile_beside_the_weights_is_taken_where_none_is_named(database: Engine) -> None:
    _stored(database, _headlines(GRIM, 400, seed=4))
    found = look_for_drift(load_settings(flags={"drift": {"watch": True}}), database, NOON)
    assert found["en"].drifted, "a day of defaults and frauds alone is like no labelled set"


def test_nothing_is_looked_at_unless_asked_for(database: Engine) -> None:
    _stored(database, _headlines(GRIM, 400, seed=4))
    assert look_for_drift(load_settings(), database, NOON) == {}


def test_weights_without_a_profile_are_said(database: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(COMMITTED, folder)
    (folder / DRIFT).unlink()
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["files"][DRIFT]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    asked = load_settings(flags={"model": {"folder": folder}, "drift": {"watch": True}})
    with pytest.raises(ArtefactError, match="yuqing drift profile"):
        look_for_drift(asked, database, NOON)
