"""Analysts put a label right, and the queue asks them about what the model is least sure of; both come out as files."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from book_records import NOON, a_correction, a_document, a_retraction
from books import an_ingest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from deploy.cli import main
from model.datasets import read_rows, task_of_rows
from model.tasks import SENTIMENT
from storage.corrections import correct, corrected_documents
from storage.erasure import erase
from storage.errors import CorrectionError
from storage.recent_documents import sample_arrived
from storage.records import ScoredDocument

AN_HOUR = timedelta(hours=1)
FILLER = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty", "knoll", "ledge"]


def _stored(engine: Engine, count: int = 6) -> list[ScoredDocument]:
    """Documents 0, 1 ...: the higher the number, the surer the model; each of a story of its own."""
    documents = [
        a_document(
            n,
            n,
            title=" ".join(random.Random(n).sample(FILLER, 8)),
            body="",
            negative=0.5 + n / 20,
            neutral=0.5 - n / 20,
            positive=0.0,
        )
        for n in range(count)
    ]
    an_ingest(engine).scored(documents, [])
    return documents


@pytest.fixture
def commands(database_url: str, database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The database that the commands of this process use; their clock stands an hour after NOON."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YUQING_DATABASE__URL", database_url)
    monkeypatch.setenv("YUQING_KAFKA__BOOTSTRAP", "unused:1")
    monkeypatch.setenv("YUQING_REDIS__URL", "redis://unused:1")
    monkeypatch.setattr("deploy.roles.now", lambda: NOON + AN_HOUR)
    return database


def test_a_correction_keeps_what_the_model_had_said_and_the_newest_counts(database: Engine) -> None:
    first, second, *_ = _stored(database)
    with database.begin() as connection:
        for sentiment in ("positive", "neutral"):
            correct(connection, first.document_id, sentiment, actor="ada", now=NOON, note="a typo")
        correct(connection, second.document_id, "negative", actor="ada", now=NOON + AN_HOUR)
        found = {one.document_id: one for one in corrected_documents(connection)}
    assert found.keys() == {first.document_id, second.document_id}
    newest = found[first.document_id]
    assert (newest.sentiment, newest.model_sentiment, newest.model_version) == ("neutral", "negative", "m1")
    assert (newest.title, newest.actor, newest.corrected_at) == (first.title, "ada", NOON)


def test_a_label_of_a_text_that_was_replaced_or_taken_down_is_not_learned_from(database: Engine) -> None:
    """Nor is that of an erased one; a label given to the new text is."""
    first, second, third, *_ = _stored(database)
    later = NOON + 2 * AN_HOUR
    with database.begin() as connection:
        for document in (first, second, third):
            correct(connection, document.document_id, "neutral", actor="ada", now=NOON)
    an_ingest(database).scored([a_correction(0, 10, title="Another text"), a_retraction(1, 11)], [])
    with database.begin() as connection:
        erase(connection, third.document_id, now=later)
        assert corrected_documents(connection) == []
        correct(connection, first.document_id, "positive", actor="ada", now=later)
        (found,) = corrected_documents(connection)

    assert (found.title, found.sentiment) == ("Another text", "positive")


def test_a_document_that_is_not_stored_cannot_be_corrected_nor_given_another_sentiment(database: Engine) -> None:
    (only,) = _stored(database, 1)
    with database.begin() as connection, pytest.raises(CorrectionError, match="there is no document"):
        correct(connection, uuid4(), "neutral", actor="ada", now=NOON)
    with pytest.raises(IntegrityError), database.begin() as connection:
        correct(connection, only.document_id, "gloomy", actor="ada", now=NOON)  # type: ignore[arg-type]


def test_a_sample_is_of_its_span_without_reprints_and_the_same_for_the_same_seed(database: Engine) -> None:
    documents = _stored(database, 12)
    reprint = a_document("copy", 20, novelty="reprint")
    later = a_document("later", 21, arrived_at=NOON + AN_HOUR)
    an_ingest(database).scored([reprint, later], [])
    with database.connect() as connection:
        every = sample_arrived(connection, NOON, NOON + AN_HOUR, most=100)
        some, again = (sample_arrived(connection, NOON, NOON + AN_HOUR, most=5, seed=1) for _ in range(2))
        others = sample_arrived(connection, NOON, NOON + AN_HOUR, most=5, seed=2)
    assert {one.document_id for one in every} == {one.document_id for one in documents}
    assert len(some) == 5
    assert some == again
    assert {one.document_id for one in some} != {one.document_id for one in others}


def test_the_queue_asks_about_the_most_doubtful_and_the_export_comes_back_as_a_file_to_train_on(
    commands: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = _stored(commands)
    assert main(["label", "queue", "--count", "2", "--out", "queue.jsonl"]) == 0
    assert "2 of 6 documents" in capsys.readouterr().err
    assert [json.loads(line)["text"] for line in Path("queue.jsonl").read_text().splitlines()] == [
        documents[0].title,
        documents[1].title,
    ]
    assert main(["label", "queue", "--count", "2", "--format", "label-studio", "--out", "tasks.json"]) == 0
    tasks = json.loads(Path("tasks.json").read_text())
    exported = [
        task | {"annotations": [{"was_cancelled": False, "result": task["predictions"][0]["result"]}]} for task in tasks
    ]
    Path("export.json").write_text(json.dumps(exported))
    assert main(["label", "import", "export.json", "--out", "labelled.jsonl"]) == 0
    rows = read_rows(tmp_path / "labelled.jsonl")
    assert [(row.text, row.label) for row in rows] == [(one.title, "negative") for one in documents[:2]]
    assert task_of_rows([*rows, rows[0].__class__("x", "neutral")]) is SENTIMENT


def test_corrections_come_out_as_a_labelled_file(commands: Engine, tmp_path: Path) -> None:
    (first, *_) = _stored(commands)
    with commands.begin() as connection:
        correct(connection, first.document_id, "neutral", actor="ada", now=NOON)
    assert main(["label", "corrections", "--out", "corrections.jsonl"]) == 0
    (row,) = read_rows(tmp_path / "corrections.jsonl")
    assert (row.text, row.label) == (first.title, "neutral")


def test_a_file_that_is_no_export_is_wrong_use(commands: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", "import", "absent.json"]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert main(["label", "view"]) == 0
    assert "<Choices" in capsys.readouterr().out
