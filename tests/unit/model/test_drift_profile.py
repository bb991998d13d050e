"""A profile remembers counts and moments of what a model saw, no text, and tells other text from its like."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from small_model import Built, sentences, write_without_embeddings
from typer.testing import CliRunner

from model.classifier import Classifier
from model.commands import app
from model.drift import Limits
from model.drift_checks import compare
from model.drift_profile import make_profile, observe, read_profile, write_profile
from model.errors import ArtefactError
from model.labels import SENTIMENTS, TOPIC_IDS

RUN = CliRunner()
LIMITS = Limits(fewest=100)


def _texts(seed: int, *templates: str) -> list[str]:
    return [str(row["text"]) for template in templates for row in sentences(template, "x", 120, seed=seed)]


CALM = ("{} profit hits a record, shares rise {}", "{} will publish its outlook {}", "{}召开会议{}")
CRISIS = ("{} warns of a loss, shares fall {}", "sold all my {}, what a fraud {}")


def test_text_of_the_same_kind_has_not_drifted_and_other_text_has(classifier: Classifier) -> None:
    profile = make_profile(classifier, _texts(1, *CALM))
    same = compare(profile, observe(classifier, _texts(2, *CALM), profile), LIMITS)
    assert same.keys() == {"en", "zh"}
    assert not any(one.drifted for one in same.values())
    assert [check.what for check in same["en"].checks] == ["sentiment", "topic", "length", "pieces", "vectors"]

    other = compare(profile, observe(classifier, _texts(3, *CRISIS), profile), LIMITS)
    drifted = {check.what for check in other["en"].checks if check.drifted}
    assert {"sentiment", "vectors"} <= drifted


def test_too_few_documents_and_unknown_languages_are_not_judged(classifier: Classifier) -> None:
    profile = make_profile(classifier, _texts(1, *CALM[:2]))
    live = observe(classifier, [*_texts(2, *CRISIS)[:99], *_texts(2, CALM[2])], profile)
    found = compare(profile, live, LIMITS)
    assert {name: (one.documents, one.checks, one.drifted) for name, one in found.items()} == {
        "en": (99, (), False),
        "zh": (120, (), False),
    }


@pytest.fixture(scope="module")
def old(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    """The same model, exported before there were embeddings."""
    folder = tmp_path_factory.mktemp("old")
    write_without_embeddings(built, folder, "en", "zh")
    return Classifier.load(folder, threads=1)


def test_vectors_are_embeddings_where_the_model_gives_them_and_logits_otherwise(
    classifier: Classifier, old: Classifier
) -> None:
    texts = _texts(1, *CALM[:2])
    profile, plain = make_profile(classifier, texts), make_profile(old, texts)
    assert (profile.vectors_of, plain.vectors_of) == ("embeddings", "logits")
    assert len(profile.languages["en"].vectors.centre) == classifier.embedding_width
    assert len(plain.languages["en"].vectors.centre) == len(SENTIMENTS) + len(TOPIC_IDS)


def test_live_text_is_looked_at_as_the_profiles_was(classifier: Classifier, old: Classifier, tmp_path: Path) -> None:
    write_profile(make_profile(old, _texts(1, *CALM)), tmp_path / "drift.json")
    before = json.loads((tmp_path / "drift.json").read_text())
    del before["vectors_of"]  # which profiles of that time do not have
    (tmp_path / "drift.json").write_text(json.dumps(before))
    profile = read_profile(tmp_path / "drift.json", classifier.version)
    for texts, drifted in ((_texts(2, *CALM), False), (_texts(3, *CRISIS), True)):
        found = compare(profile, observe(classifier, texts, profile), LIMITS)
        assert [one.drifted for one in found["en"].checks if one.what == "vectors"] == [drifted]

    with pytest.raises(ArtefactError, match="gives no embeddings"):
        observe(old, ["shares rise"], make_profile(classifier, _texts(1, *CALM)))


def test_a_profile_comes_back_as_it_was_and_holds_no_text(classifier: Classifier, tmp_path: Path) -> None:
    texts = _texts(1, *CALM)
    profile = make_profile(classifier, texts)
    write_profile(profile, tmp_path / "drift.json")
    assert read_profile(tmp_path / "drift.json", classifier.version) == profile
    written = (tmp_path / "drift.json").read_text()
    assert not any(word in written for text in texts for word in text.split() if len(word) > 6)


def test_a_profile_of_another_model_or_none_at_all_is_refused(classifier: Classifier, tmp_path: Path) -> None:
    write_profile(make_profile(classifier, _texts(1, *CALM)), tmp_path / "drift.json")
    with pytest.raises(ArtefactError, match="but m2 is in force"):
        read_profile(tmp_path / "drift.json", "m2")
    (tmp_path / "odd.json").write_text("[]")
    for name in ("odd.json", "absent.json"):
        with pytest.raises(ArtefactError, match="yuqing drift profile"):
            read_profile(tmp_path / name, "m2")


def test_the_command_writes_the_profile_of_rows_that_training_did_not_see(built: Built, tmp_path: Path) -> None:
    out = tmp_path / "drift.json"
    command = ["drift", "profile", "--data", str(built.data), "--out", str(out), "--weights", str(built.folder)]
    answer = json.loads(RUN.invoke(app, [*command, "--json"]).stdout)
    profile = read_profile(out, built.manifest.model_version)
    assert answer["vectors_of"] == profile.vectors_of == "embeddings"
    assert answer["documents"] == {name: one.documents for name, one in profile.languages.items()}
    rows = sum(len(path.read_text().splitlines()) for path in built.data.glob("*.jsonl"))
    assert 0.1 * rows < sum(answer["documents"].values()) < 0.3 * rows
    assert "embeddings of" in RUN.invoke(app, command).stdout


def test_files_without_such_rows_are_wrong_use(built: Built, tmp_path: Path) -> None:
    (tmp_path / "few.jsonl").write_bytes(msgspec.json.encode({"text": "Up", "label": "positive"}) + b"\n")
    command = ["drift", "profile", "--data", str(tmp_path), "--out", str(tmp_path / "d.json")]
    result = RUN.invoke(app, [*command, "--weights", str(built.folder)])
    assert (result.exit_code, "too small" in result.stderr) == (2, True)
