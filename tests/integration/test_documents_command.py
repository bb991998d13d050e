"""`yuqing documents retract|erase`: what counts no longer, what nobody can read any more, and what stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from keyword_classifier import POISON
from pipeline import Pipeline, now, stories
from sqlalchemy import Engine, inspect, text

from deploy import document_desk
from deploy.cli import main
from deploy.embedded import StackAddresses
from storage.corrections import correct
from storage.search_index import index_waiting
from stream.documents import RawDocument, document_id
from stream.topics import Topics

NAME = "Zebulon Quax"
URL = "https://news.example/quax"
PERSONAL = RawDocument(
    source="wire",
    url=URL,
    title=f"Northwind Bank clerk {NAME} faces a fraud inquiry",
    body=f"{NAME} lives in Harbour Street.",
    published_at="2024-05-02T09:00:00Z",
)
ID = str(document_id(PERSONAL))

Said = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def pipeline(bootstrap: str, topics: Topics, database: Engine, redis_client: redis.Redis, tmp_path: Path) -> Pipeline:
    return Pipeline(bootstrap, topics, database, redis_client, tmp_path)


@pytest.fixture
def said(
    stack: StackAddresses,
    database_url: str,
    redis_url: str,
    topics: Topics,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Said:
    """Runs `yuqing documents` on the services of the test; gives the exit code and the one JSON object."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YUQING_KAFKA__BOOTSTRAP", stack.kafka)
    monkeypatch.setenv("YUQING_KAFKA__TOPIC_PREFIX", topics.raw.removesuffix("documents.raw"))
    monkeypatch.setenv("YUQING_DATABASE__URL", database_url)
    monkeypatch.setenv("YUQING_REDIS__URL", redis_url)

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main(["documents", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def running(pipeline: Pipeline) -> Iterator[Pipeline]:
    """A scorer and a windows worker that have booked ten stories and one about a person."""
    with pipeline.scoring(), pipeline.windows():
        pipeline.publish([*stories(10), PERSONAL])
        pipeline.settle()
        yield pipeline


def counted(pipeline: Pipeline) -> int:
    return int(pipeline.scalar("SELECT sum(documents) FROM trends WHERE entity_id = '*' AND topic = '*'"))


def test_a_document_is_taken_out_by_its_address_and_a_second_time_changes_nothing(running: Pipeline, said: Said):
    first = said("retract", URL)
    after = counted(running), running.sums()
    second = said("retract", ID)
    running.settle()

    assert first == (0, {"document_id": ID, "source": "wire", "counts": "taken out"})
    assert second == (0, {"document_id": ID, "source": "wire", "counts": "out before"})
    assert after == (10, running.sums())
    assert running.audit().figures["retracted"] == 1


def test_a_later_version_from_its_source_counts_again_unless_its_text_was_erased(running: Pipeline, said: Said):
    ferry, other = stories(2)
    said("retract", str(document_id(ferry)))
    said("erase", str(document_id(other)), "--uncount")
    later = [
        RawDocument(source="wire", url=one.url, title="Northwind Bank, corrected", revised_at=now().isoformat())
        for one in (ferry, other)
    ]

    running.publish(later)
    running.settle()

    assert counted(running) == 10
    assert running.scalar("SELECT count(*) FROM documents WHERE title = 'Northwind Bank, corrected'") == 1


def test_where_nobody_reads_the_log_the_takedown_waits_there(pipeline: Pipeline, said: Said, monkeypatch):
    with pipeline.scoring(), pipeline.windows():
        pipeline.publish([PERSONAL])
        pipeline.settle()
    monkeypatch.setattr(document_desk, "_BOOKED_S", 0.1)

    assert said("retract", ID, "--no-wait") == (0, {"document_id": ID, "source": "wire", "counts": "pending"})
    assert said("retract", ID) == (1, {"document_id": ID, "source": "wire", "counts": "pending"}), "waited in vain"
    with pipeline.scoring(), pipeline.windows():
        pipeline.settle()
    assert said("retract", ID)[1]["counts"] == "out before"


@pytest.mark.parametrize(
    ("named", "told", "fix"),
    [
        ("0f0e7d3a-5b0c-4f39-9d43-3f0a5b6c7d8e", "there is no document", "a record that retracts it"),
        ("https://nowhere.example/", "no document that counts has the address", "by its id"),
        ("number seven", "neither the id nor the address", "an id looks like"),
    ],
)
@pytest.mark.parametrize("command", ["retract", "erase"])
def test_what_is_no_document_is_said_with_the_fix(
    command: str, named: str, told: str, fix: str, pipeline: Pipeline, said: Said, capsys: pytest.CaptureFixture[str]
):
    assert main(["documents", command, named]) == 2
    words = capsys.readouterr().err
    assert told in words
    assert fix in words


def test_an_address_of_several_documents_is_answered_with_their_ids(
    pipeline: Pipeline, said: Said, capsys: pytest.CaptureFixture[str]
):
    twice = [RawDocument(source=source, url=URL, title="Rain") for source in ("wire", "post")]
    with pipeline.scoring(), pipeline.windows():
        pipeline.publish(twice)
        pipeline.settle()

    assert main(["documents", "retract", URL]) == 2
    words = capsys.readouterr().err
    assert all(str(document_id(one)) in words for one in twice)


def spread(pipeline: Pipeline) -> None:
    """The text goes wherever it can: index, dead letters in three forms, an analyst's note, alerts and deliveries."""
    index_waiting(pipeline.engine)
    broken = RawDocument(source="wire", url=URL, title=f"{NAME} {POISON}", revised_at="2024-05-02T10:00:00Z")
    pipeline.publish([broken])
    pipeline.publish_bytes(f'{{"url": "{URL}", "title": "{NAME}"'.encode())
    pipeline.settle()
    shown = [(ID, NAME), (str(uuid4()), "Somebody else")]
    evidence = {"documents": [{"document_id": key, "title": title, "url": URL} for key, title in shown]}
    with pipeline.engine.begin() as connection:
        correct(connection, UUID(ID), "neutral", actor="ada", now=now(), note=f"{NAME} is innocent")
        connection.execute(_ALERT, {"evidence": json.dumps(evidence)})
        for state in ("pending", "delivered"):
            connection.execute(_DELIVERY, {"state": state, "payload": json.dumps({"data": evidence})})


_ALERT = text(
    """
    INSERT INTO alerts (alert_id, entity_id, detector, status, severity, first_bucket, last_bucket, horizon_s, observed,
                        expected, p_value, evidence, opened_at, updated_at)
    VALUES (gen_random_uuid(), 'acme', 'surge', 'firing', 'high', now(), now(), 900, 15, 0.5, 1e-9,
            CAST(:evidence AS jsonb), now(), now())
    """
)

_DELIVERY = text(
    """
    INSERT INTO deliveries (webhook_id, endpoint, event_type, payload, state, created_at, next_attempt_at)
    VALUES (:state, 'desk', 'alert.opened', CAST(:payload AS jsonb), :state, now(), now())
    """
)


def places_of(engine: Engine, word: str) -> list[str]:
    """The tables in which a word can be read: as text, in JSON, or in bytes."""
    found = []
    with engine.connect() as connection:
        for table in inspect(engine).get_table_names():
            query = text(f"SELECT count(*) FROM {table} t WHERE t::text ILIKE :word OR t::text LIKE :bytes")
            given = {"word": f"%{word}%", "bytes": f"%{word.encode().hex()}%"}
            if connection.execute(query, given).scalar_one():
                found.append(table)
    return sorted(found)


def everything_in(client: redis.Redis) -> Iterator[bytes]:
    read = {
        b"string": lambda key: [client.get(key)],
        b"hash": lambda key: client.hvals(key),
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    for key in client.scan_iter():
        yield key
        yield from read[client.type(key)](key)


def test_erased_text_can_be_read_nowhere_and_the_sums_stay(running: Pipeline, said: Said, redis_client: redis.Redis):
    spread(running)
    assert {"alerts", "dead_letters", "deliveries", "documents", "document_terms", "label_corrections"} <= set(
        places_of(running.engine, "Zebulon")
    )
    before = running.sums()

    code, told = said("erase", URL)

    assert (code, told["counts"]) == (0, "kept")
    assert told["erased"] == {
        "documents": 1,
        "mentions": 1,
        "search_terms": 1,
        "label_notes": 1,
        "dead_letters": 2,
        "alerts": 1,
        "deliveries": 2,
    }
    assert places_of(running.engine, "Zebulon") == []
    assert places_of(running.engine, "Somebody else") == ["alerts", "deliveries"], "what is shown beside it stays"
    assert not [value for value in everything_in(redis_client) if b"Zebulon" in value]
    assert running.sums() == before
    assert running.audit().differences == []


def test_what_cannot_be_reached_is_said(running: Pipeline, said: Said):
    spread(running)

    _, told = said("erase", ID)

    raw, deliveries, others = told["out_of_reach"]
    partition, offset = running.scalar(
        f"SELECT raw_partition || ' ' || raw_offset FROM documents WHERE document_id = '{ID}'"
    ).split()
    assert raw.startswith(f"{running.topics.raw}/{partition} offset {offset} ")
    assert "Kafka's retention" in raw
    assert deliveries == "1 deliveries that were made with it"
    assert "backups" in others


def test_a_second_erasure_finds_nothing_and_no_later_version_brings_a_text_back(running: Pipeline, said: Said):
    spread(running)
    said("erase", ID)
    code, again = said("erase", ID)
    running.publish([RawDocument(source="wire", url=URL, title=NAME, revised_at=now().isoformat()), PERSONAL])
    running.settle()
    index_waiting(running.engine)

    assert (code, set(again["erased"].values()), again["counts"]) == (0, {0}, "kept")
    assert running.scalar("SELECT count(*) FROM documents WHERE title <> ''") == 10
    assert places_of(running.engine, "Zebulon") == []
    assert counted(running) == 11


def test_the_settings_say_whether_an_erased_document_still_counts(running: Pipeline, said: Said, monkeypatch):
    monkeypatch.setenv("YUQING_RETENTION__ERASED_COUNT", "false")

    assert said("erase", ID)[1]["counts"] == "taken out"
    assert counted(running) == 10
    assert said("erase", str(document_id(stories(1)[0])), "--keep-counts")[1]["counts"] == "kept"
    assert counted(running) == 10
    assert running.audit().differences == []


def test_for_eyes_it_says_what_was_erased_and_what_was_not(
    running: Pipeline, said: Said, capsys: pytest.CaptureFixture[str]
):
    assert main(["documents", "erase", ID]) == 0

    words = capsys.readouterr().out
    assert f"Document {ID} (wire): what it added to the sums stays." in words
    assert "Text erased from 1 documents, 1 mentions." in words
    assert "Not in reach:\n- " in words
