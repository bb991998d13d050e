"""The model's threads: every candidate handed in comes out once, scored or dead, and a broken model says so."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyword_classifier import POISON, KeywordClassifier

from model.classifier import Prediction
from storage.records import DeadLetter, Origin, ScoredDocument
from stream.entities import Found
from stream.intake import RawRecord, Read
from stream.novelty import Place
from stream.scored_documents import questions, scored_document
from stream.scoring import Candidate, ModelError, Scoring

NOON = datetime(2024, 5, 2, 12, 0, tzinfo=UTC)


class Outcomes:
    """Keeps outcomes instead of sending them."""

    def __init__(self) -> None:
        self.documents: list[ScoredDocument] = []
        self.letters: list[DeadLetter] = []

    def scored(self, document: ScoredDocument, key: bytes | None) -> None:
        assert key == b"key"
        self.documents.append(document)

    def dead(self, letter: DeadLetter) -> None:
        self.letters.append(letter)

    def poll(self) -> None: ...


def candidate(number: int, title: str, classifier: KeywordClassifier, *names: str) -> Candidate:
    origin = Origin(topic="documents.raw", partition=0, offset=number)
    record = RawRecord(
        topic="documents.raw", partition=0, offset=number, key=b"key", value=title.encode(), arrived_at=NOON
    )
    read = Read(
        document_id=uuid4(),
        origin=origin,
        source="wire",
        url="",
        title=title,
        body="",
        language="en",
        published_at=NOON,
        arrived_at=NOON,
        mentions=tuple(Found(name.lower(), name, title.find(name), title.find(name) + len(name)) for name in names),
        flags=("html_removed",),
    )
    names = [None, *questions(read)]
    tokens = classifier.encode([read.text] * len(names), toward=names)
    return Candidate(record, read, Place(story_id=uuid4(), novelty="new"), tuple(tokens))


def scoring(classifier: Any, outcomes: Outcomes, *, budget: int = 100, remembered: int = 100) -> Scoring:
    made = Scoring(
        classifier,
        outcomes,  # type: ignore[arg-type]
        token_budget=budget,
        deadline=timedelta(milliseconds=5),
        clock=lambda: NOON + timedelta(minutes=1),  # all that is put is overdue
        remembered=remembered,
    )
    made.start()
    return made


@pytest.mark.parametrize("remembered", [0, 1, 100])
def test_every_candidate_comes_out_once(remembered: int) -> None:
    classifier, outcomes = KeywordClassifier(), Outcomes()
    titles = [f"fraud number {n % 40}" if n % 7 else f"{POISON} {n}" for n in range(200)]
    work = scoring(classifier, outcomes, remembered=remembered)
    for number, title in enumerate(titles):
        work.put([candidate(number, title, classifier)])
    work.close()
    work.check()
    assert sorted(one.origin.offset for one in outcomes.documents) == [n for n in range(200) if n % 7]
    assert sorted(one.origin.offset for one in outcomes.letters) == [n for n in range(200) if not n % 7]
    assert {one.sentiment for one in outcomes.documents} == {"negative"}
    assert {(one.reason, one.value[:9]) for one in outcomes.letters} == {("unscorable", POISON.encode())}


def test_a_model_that_fails_on_everything_is_broken_and_the_reader_hears_of_it() -> None:
    classifier, outcomes = KeywordClassifier(broken=True), Outcomes()
    work = scoring(classifier, outcomes)

    def put_for_ever() -> None:
        for number in range(10_000):
            work.put([candidate(number, f"title {number}", classifier)])

    with pytest.raises(ModelError):
        put_for_ever()
    work.close()
    with pytest.raises(ModelError, match="in a row"):
        work.check()


def test_a_probability_that_is_no_number_is_a_dead_letter() -> None:
    classifier, outcomes = KeywordClassifier(), Outcomes()
    nothing = Prediction(negative=float("nan"), neutral=0.0, positive=0.0, topics=(), topic_scores=())
    classifier.predict_tokens = lambda batch: [nothing for _ in batch]  # type: ignore[method-assign]
    work = scoring(classifier, outcomes)
    work.put([candidate(1, "title", classifier)])
    work.close()
    assert [one.reason for one in outcomes.letters] == ["unscorable"]


def test_a_document_keeps_what_intake_found() -> None:
    one = candidate(3, "fraud", KeywordClassifier())
    prediction = Prediction(negative=0.7, neutral=0.2, positive=0.1, topics=("credit",), topic_scores=(0.9,))
    document = scored_document(one.read, one.place, [prediction], "m2")
    assert (document.sentiment, document.score_micro, document.topics) == ("negative", -600_000, ("credit",))
    assert (document.flags, document.model_version, document.origin) == (("html_removed",), "m2", one.read.origin)
    assert (document.story_id, document.novelty) == (one.place.story_id, "new")


def test_good_for_one_company_and_bad_for_another_is_told_apart() -> None:
    classifier, outcomes = KeywordClassifier(), Outcomes()
    work = scoring(classifier, outcomes)
    work.put([candidate(1, "Acme reports record profit, Bolt faces collapse", classifier, "Acme", "Bolt")])
    work.close()
    (document,) = outcomes.documents
    assert [(one.entity_id, one.sentiment) for one in document.mentions] == [("acme", "positive"), ("bolt", "negative")]
    assert document.sentiment == "negative"


def test_a_document_about_one_company_is_asked_about_once() -> None:
    classifier, outcomes = KeywordClassifier(), Outcomes()
    work = scoring(classifier, outcomes)
    work.put([candidate(1, "collapse after Acme shows a profit", classifier, "Acme")])
    work.close()
    assert classifier.batches == [1]
    (document,) = outcomes.documents
    assert [one.sentiment for one in document.mentions] == [document.sentiment] == ["negative"]


def test_of_a_long_list_the_first_companies_are_asked_about() -> None:
    names = [f"Company{chr(65 + n)}" for n in range(12)]
    classifier, outcomes = KeywordClassifier(), Outcomes()
    work = scoring(classifier, outcomes, budget=1000)
    work.put([candidate(1, ", ".join([*(f"{name} profit" for name in names), "fraud"]), classifier, *names)])
    work.close()
    (document,) = outcomes.documents
    assert [one.sentiment for one in document.mentions] == ["positive"] * 8 + ["negative"] * 4


class Gate:
    """A classifier that answers nothing before it is told to."""

    def __init__(self, classifier: KeywordClassifier) -> None:
        self._classifier = classifier
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._classifier, name)

    def predict_tokens(self, batch: Sequence[Any]) -> list[Prediction]:
        self.entered.release()
        assert self.opened.wait(30)
        return self._classifier.predict_tokens(batch)


def test_a_text_that_is_being_scored_is_not_scored_again() -> None:
    classifier, outcomes = KeywordClassifier(passes=1), Outcomes()
    gate = Gate(classifier)
    work = scoring(gate, outcomes)
    work.put([candidate(0, "collapse", classifier)])
    assert gate.entered.acquire(timeout=30)
    work.put([candidate(number, "collapse", classifier) for number in range(1, 5)])
    gate.opened.set()
    work.close()
    assert classifier.batches == [1]
    assert sorted(one.origin.offset for one in outcomes.documents) == [0, 1, 2, 3, 4]


def test_as_many_passes_run_side_by_side_as_the_classifier_is_best_at() -> None:
    gate, outcomes = Gate(KeywordClassifier(passes=3)), Outcomes()
    work = scoring(gate, outcomes, budget=1)
    work.put([candidate(number, f"title {number}", KeywordClassifier()) for number in range(9)])
    for _ in range(3):
        assert gate.entered.acquire(timeout=30)
    assert not gate.entered.acquire(blocking=False)
    gate.opened.set()
    work.close()
    assert len(outcomes.documents) == 9


@given(
    titles=st.lists(
        st.sampled_from(["fraud", "profit", "nothing", f"{POISON} thing", "fraud and profit"]), max_size=40
    ),
    passes=st.integers(1, 4),
    budget=st.integers(1, 20),
    chunk=st.integers(1, 10),
)
def test_whatever_is_asked_and_however_often_each_document_has_one_outcome_of_its_own(
    titles: list[str], passes: int, budget: int, chunk: int
) -> None:
    classifier, outcomes = KeywordClassifier(passes=passes), Outcomes()
    work = scoring(classifier, outcomes, budget=budget)
    for at in range(0, len(titles), chunk):
        work.put([candidate(at + n, title, classifier) for n, title in enumerate(titles[at : at + chunk])])
    work.close()
    work.check()
    wanted = {n: {"fraud": "negative", "profit": "positive"}.get(t.split()[0], "neutral") for n, t in enumerate(titles)}
    dead = {n for n, title in enumerate(titles) if title.startswith(POISON)}
    assert sorted(one.origin.offset for one in outcomes.letters) == sorted(dead)
    assert {one.origin.offset: one.sentiment for one in outcomes.documents} == {
        n: sentiment for n, sentiment in wanted.items() if n not in dead
    }
    assert len(outcomes.documents) == len(titles) - len(dead)
