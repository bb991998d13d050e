"""The past is scored again: exactly once whoever dies, shown at a switch, and undone with what is taken down."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from book_records import NOON, SteppingClock, a_correction, a_document, a_mention, a_retraction
from books import an_ingest, differences, trend_rows
from keyword_classifier import KeywordClassifier
from pipeline import Pipeline, now, stories
from rescoring_books import rescore, second_opinion, seen
from sqlalchemy import Engine, text

from deploy.cli import main
from deploy.embedded import StackAddresses
from model.classifier import Classifier
from storage import rescored_sums
from storage.connection import connect
from storage.erasure import erase
from storage.rescoring import Range, unscored
from storage.retention import drop_before
from storage.shown_versions import show, shown
from storage.trend_sums import add_up
from stream.rescoring import rescore as rescore_with
from stream.topics import Topics

DAY = NOON.replace(hour=0)
ALL = Range("m2", DAY, DAY + timedelta(days=1))
DOCUMENTS = [
    a_document(n, n, minute=n // 3, mentions=(a_mention("acme"), a_mention("zeta", "positive", 5))[: n % 3])
    for n in range(20)
]


@pytest.fixture
def books(database: Engine) -> Engine:
    """Twenty documents of one day, by m1."""
    an_ingest(database).scored(DOCUMENTS, [])
    return database


def switch(engine: Engine, version: str | None, wanted: Range = ALL, at: datetime | None = None) -> None:
    with engine.begin() as connection:
        show(connection, version, wanted.since, wanted.until, actor="ada", reason="it is better", now=at or now())


def left(engine: Engine, wanted: Range = ALL) -> int:
    with engine.connect() as connection:
        return unscored(connection, wanted)


def as_m2() -> dict[Any, Any]:
    return dict(add_up(second_opinion(one, "m2") for one in DOCUMENTS))


def test_nothing_moves_before_the_switch_and_back_again_is_as_it_was(books: Engine):
    before, rows = seen(books), trend_rows(books)

    assert rescore(books, ALL, SteppingClock()) == 20
    assert (seen(books), left(books)) == (before, 0)
    switch(books, "m2")
    assert seen(books) == as_m2()
    switch(books, None)

    assert seen(books) == before
    assert trend_rows(books) == rows, "what alarms are judged by never moved"
    assert differences(books, {0: 20}) == []


def test_a_document_that_comes_late_is_shown_under_the_model_that_scored_it_until_it_is_scored_again(books: Engine):
    rescore(books, ALL, SteppingClock())
    switch(books, "m2")
    late = a_document("late", 20, minute=4, mentions=(a_mention("acme"),))
    an_ingest(books).scored([late], [])

    with books.connect() as connection:
        query = text("SELECT model_versions, documents FROM trends_1d WHERE entity_id = '*' AND topic = '*'")
        assert [tuple(row) for row in connection.execute(query)] == [(["m1", "m2"], 21)]
    assert left(books) == 1
    assert rescore(books, ALL, SteppingClock()) == 1
    assert seen(books) == dict(add_up(second_opinion(one, "m2") for one in [*DOCUMENTS, late]))
    assert differences(books, {0: 21}) == []


def test_documents_that_the_version_scored_first_are_not_scored_again(books: Engine):
    newer = a_document("newer", 20, minute=7, model_version="m2")
    an_ingest(books).scored([newer], [])

    assert left(books) == 20
    assert rescore(books, ALL, SteppingClock()) == 20
    switch(books, "m2")
    assert seen(books) == dict(add_up([newer, *(second_opinion(one, "m2") for one in DOCUMENTS)]))


def test_what_is_corrected_or_taken_down_while_it_is_scored_is_not_booked(books: Engine):
    """The chunk was read and judged; before it is booked, document 0 is corrected and document 1 taken down."""

    class Slow(KeywordClassifier):
        version = "m2"

        def predict(self, texts: Any, *, toward: Any = None) -> Any:
            if not self.batches:
                an_ingest(books).scored([a_correction(0, 20, title="It is mended"), a_retraction(1, 21)], [])
            return super().predict(texts, toward=toward)

    done = list(rescore_with(books, ALL, Slow(), threading.Event(), clock=now, chunk=50))

    assert done == [18]
    assert left(books) == 1, "the correction"
    assert list(rescore_with(books, ALL, Slow(), threading.Event(), clock=now)) == [1]
    assert differences(books, {0: 22}) == []


def test_a_document_whose_text_was_erased_keeps_its_first_scores(books: Engine):
    with books.begin() as connection:
        erase(connection, DOCUMENTS[3].document_id, now=NOON + timedelta(days=1))

    assert left(books) == 19
    assert rescore(books, ALL, SteppingClock()) == 19
    switch(books, "m2")
    others = [second_opinion(one, "m2") for one in DOCUMENTS if one is not DOCUMENTS[3]]
    assert seen(books) == dict(add_up([DOCUMENTS[3], *others]))
    assert differences(books, {0: 20}) == []


def test_killed_before_the_commit_of_a_chunk_it_goes_on_and_counts_nothing_twice(books: Engine, database_url: str):
    """It dies in the third chunk, between putting the new scores on record and adding them up."""
    child = multiprocessing.get_context("spawn").Process(target=_dies_in_the_third_chunk, args=(database_url,))
    child.start()
    child.join(60)

    assert child.exitcode == -signal.SIGKILL
    assert left(books) == 20 - 6
    assert rescore(books, ALL, SteppingClock()) == 14
    switch(books, "m2")
    assert seen(books) == as_m2()
    assert differences(books, {0: 20}) == []


def _dies_in_the_third_chunk(url: str) -> None:
    add, calls = rescored_sums.add, []

    def dying(*arguments: Any, **named: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        add(*arguments, **named)

    rescored_sums.add = dying
    rescore(connect(url), ALL, SteppingClock(), chunk=3)


def test_two_at_once_score_each_document_once(books: Engine):
    with ThreadPoolExecutor(2) as pool:
        booked = list(pool.map(lambda size: rescore(books, ALL, SteppingClock(), chunk=size), (2, 3)))

    assert sum(booked) == 20
    switch(books, "m2")
    assert seen(books) == as_m2()
    assert differences(books, {0: 20}) == []


def test_a_reader_never_sees_half_a_switch(books: Engine):
    rescore(books, ALL, SteppingClock())
    either = [seen(books), as_m2()]
    with _looking(books) as found:
        for number in range(20):
            switch(books, ("m2", None)[number % 2])

    assert found
    assert all(one in either for one in found)


@contextmanager
def _looking(engine: Engine) -> Iterator[list[Any]]:
    found: list[Any] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            found.append(seen(engine))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join(30)


def test_a_switch_of_a_part_leaves_the_rest_as_it_was_and_all_of_it_is_remembered(books: Engine):
    for version in ("m2", "m3"):
        rescore(books, Range(version, ALL.since, ALL.until), SteppingClock())
    middle = Range("m3", NOON + timedelta(minutes=2), NOON + timedelta(minutes=4))
    first, second, third = (NOON + timedelta(hours=hour) for hour in (30, 31, 32))
    switch(books, "m2", ALL, first)
    switch(books, "m3", middle, second)
    switch(books, None, Range("", middle.since, ALL.until), third)

    with books.connect() as connection:
        assert [(one.version, one.since, one.until) for one in shown(connection)] == [("m2", DAY, middle.since)]
        assert [(one.version, one.since, one.until) for one in shown(connection, at=second)] == [
            ("m2", DAY, middle.since),
            ("m3", middle.since, middle.until),
            ("m2", middle.until, ALL.until),
        ]
        whole = shown(connection, ended=True)[0]
    assert (whole.shown_from, whole.shown_until, whole.actor, whole.ended_by) == (first, second, "ada", "ada")
    assert {key.model_version for key in seen(books, second)} == {"m2", "m3"}


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            "UPDATE rescored_counts SET negative = negative + 1 WHERE entity_id = '*' AND model_version = 'm2' "
            "AND topic = '*' AND bucket = '2024-05-06 12:01Z'",
            r"re-scored as m2, trend \* / \* / 2024-05-06T12:01Z / m2: negative by \d, recounted \d",
        ),
        (
            "DELETE FROM rescored_counts WHERE entity_id = '*' AND topic = '*' AND model_version = 'm1' "
            "AND bucket = '2024-05-06 12:01Z'",
            r"re-scored as m2, trend \* / \* / 2024-05-06T12:01Z / m1: documents by 0, recounted -3",
        ),
        (
            "DELETE FROM rescored_documents WHERE raw_offset = 4",
            r"re-scored as m2, trend \* / \* / 2024-05-06T12:01Z / m1: documents by -3, recounted -2",
        ),
        (
            "UPDATE rescored_documents SET raw_offset = 400 WHERE raw_offset = 4",
            r"document [-0-9a-f]+ as m2 from documents.raw/0 offset 400: re-scored, but no such document was stored",
        ),
        (
            "UPDATE rescored_documents SET mentions = '[]' WHERE raw_offset = 4",
            r"document [-0-9a-f]+ as m2 from documents.raw/0 offset 4: re-scored, but about other companies",
        ),
    ],
)
def test_the_audit_counts_a_version_again_and_names_what_differs(books: Engine, damage: str, told: str):
    rescore(books, ALL, SteppingClock())
    assert differences(books, {0: 20}) == []
    with books.begin() as connection:
        assert connection.execute(text(damage)).rowcount > 0

    found = "\n".join(differences(books, {0: 20}))

    assert re.search(told, found), found


def test_after_retention_sums_stay_and_the_books_add_up(books: Engine):
    rescore(books, ALL, SteppingClock())
    switch(books, "m2")
    drop_before(books, (NOON + timedelta(days=1)).date())

    assert seen(books) == as_m2()
    assert differences(books, {0: 20}) == []
    with books.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM rescored_documents")).scalar_one() == 0


# From the command line, over a real stream


class Again(KeywordClassifier):
    """The same judgements under another name: what it says of the past must be what was said."""

    version = "keywords-2"


@pytest.fixture
def stream(
    stack: StackAddresses,
    topics: Topics,
    database: Engine,
    database_url: str,
    redis_url: str,
    redis_client: redis.Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Pipeline:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "YUQING_KAFKA__BOOTSTRAP": stack.kafka,
        "YUQING_KAFKA__TOPIC_PREFIX": topics.raw.removesuffix("documents.raw"),
        "YUQING_DATABASE__URL": database_url,
        "YUQING_REDIS__URL": redis_url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Classifier, "load", lambda *_, **__: Again())
    monkeypatch.setattr("deploy.commands.rescore.stop_on_signals", lambda _stop: None)
    pipeline = Pipeline(stack.kafka, topics, database, redis_client, tmp_path)
    pipeline.publish(stories(60))
    with pipeline.scoring(), pipeline.windows():
        pipeline.settle()
    return pipeline


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(list(arguments)) == 2
    return capsys.readouterr().err


SPAN = ("--from", "2024-05-02", "--to", "2024-05-02")
WHO = ("--actor", "ada", "--reason", "fewer mistakes")


def test_the_same_model_says_of_the_past_what_it_said_when_it_came(
    stream: Pipeline, capsys: pytest.CaptureFixture[str]
):
    before = seen(stream.engine)
    assert "has scored no stored document; there are keywords-1" in complaint(
        capsys, "model-versions", "use", "keywords-2", *SPAN, *WHO
    )
    done = told(capsys, "rescore", *SPAN)
    assert (done["version"], done["rescored"], done["left"], done["finished"]) == ("keywords-2", 60, 0, True)
    told(capsys, "model-versions", "use", "keywords-2", *SPAN, *WHO)

    assert seen(stream.engine) == {key._replace(model_version="keywords-2"): sums for key, sums in before.items()}
    assert stream.audit().differences == []


def test_the_command_line_lists_switches_and_goes_back(stream: Pipeline, capsys: pytest.CaptureFixture[str]):
    told(capsys, "rescore", *SPAN)
    stream.publish(stories(3, start=60))
    with stream.scoring(), stream.windows():
        stream.settle()
    said = complaint(capsys, "model-versions", "use", "keywords-2", *SPAN, *WHO)
    assert "keywords-2 has not scored 3 documents of these days; run `yuqing rescore`" in said
    told(capsys, "model-versions", "use", "keywords-2", *SPAN, *WHO, "--incomplete")

    listed = told(capsys, "model-versions", "list")
    assert [(one["version"], one["first"], one["again"]) for one in listed["versions"]] == [
        ("keywords-1", 63, 0),
        ("keywords-2", 0, 60),
    ]
    assert [(one["version"], one["actor"], one["reason"]) for one in listed["shown"]] == [
        ("keywords-2", "ada", "fewer mistakes")
    ]
    assert {key.model_version for key in seen(stream.engine)} == {"keywords-1", "keywords-2"}

    told(capsys, "model-versions", "use", "live", *SPAN, "--actor", "bob", "--reason", "no better after all")
    assert told(capsys, "model-versions", "list")["shown"] == []
    [switch] = told(capsys, "model-versions", "history")["switches"]
    assert (switch["actor"], switch["ended_by"], switch["shown_until"] is None) == ("ada", "bob", False)
    assert main(["model-versions", "history"]) == 0
    assert "fewer mistakes" in capsys.readouterr().out
    assert {key.model_version for key in seen(stream.engine)} == {"keywords-1"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rescore", "--from", "2024-05-03", "--to", "2024-05-02"), "lies after --to 2024-05-02"),
        (("rescore", "--from", "May", "--to", "2024-05-02"), "give days such as 2026-03-01"),
        (("model-versions", "use", "live", *SPAN, "--actor", " ", "--reason", "x"), "say who decides it"),
    ],
)
def test_wrong_use_is_told_in_words(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str):
    assert said in complaint(capsys, *arguments)


def test_an_empty_database_is_told_to_migrate(
    stack: StackAddresses,
    empty_database_url: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YUQING_KAFKA__BOOTSTRAP", stack.kafka)
    monkeypatch.setenv("YUQING_DATABASE__URL", empty_database_url)
    monkeypatch.setenv("YUQING_REDIS__URL", redis_url)

    assert "run `yuqing migrate`" in complaint(capsys, "model-versions", "list")
