"""An alarm is a function of the counts: the same stream, however it is cut, mixed up and paced, raises the same.

Documents arrive at most `LATENESS_MIN` out of order. They are ingested in batches of any size; the engine looks
after any of them, and takes any number of jobs at a time. In the end the episodes must be those which a plain
reading of the final counts gives: every bucket judged once, in order, with all of the past at hand. A last document,
days later, moves the watermark past whatever had to wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from alert_books import LATENESS_MIN, QUIET, AlertBooks, Told, quick_detector, quick_detectors
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.detection.detectors import Detector, History

DAY = 1440
LATER = Told(20 * DAY, "coal", story=False)


@dataclass(frozen=True)
class Arrival:
    """A document and by how many minutes others may overtake it."""

    document: Told
    delay_min: int


entities = st.sampled_from(("acme", "bank", "coal"))

mostly = st.sampled_from((True, True, True, False))
about = st.lists(st.sampled_from(("fraud", "default", "price")), max_size=2, unique=True).map(tuple)
single = st.builds(Told, st.integers(0, 8 * DAY), entities, st.booleans(), about, st.booleans())


@st.composite
def burst(draw: st.DrawFn) -> list[Told]:
    """Some stories about one company within hours, most of them negative."""
    start, entity = draw(st.integers(0, 8 * DAY)), draw(entities)
    offsets = draw(st.lists(st.integers(0, 400), min_size=3, max_size=12))
    return [Told(start + offset, entity, True, draw(about), draw(mostly)) for offset in offsets]


@st.composite
def streams(draw: st.DrawFn) -> list[Arrival]:
    """A stream in the order of its arrival."""
    told = draw(st.lists(single, max_size=40)) + [
        document for each in draw(st.lists(burst(), min_size=1, max_size=6)) for document in each
    ]
    delays = draw(st.lists(st.integers(0, LATENESS_MIN), min_size=len(told), max_size=len(told)))
    arrivals = [Arrival(document, delay) for document, delay in zip(told, delays, strict=True)]
    return sorted(arrivals, key=lambda each: each.document.minute + each.delay_min)


def plain_reading(books: AlertBooks, detector: Detector) -> set[tuple[str, int]]:
    """(entity, first bucket) of every episode, from the final counts alone."""
    quiet_min = int(QUIET.total_seconds() // 60)
    found = set()
    for entity in ("acme", "bank", "coal"):
        toned = books.tones([entity], 0, 1 << 40)
        series = toned.get(entity) if detector.counted == "tones" else books.series(entity, detector.topics)
        if series is None:
            continue
        history = History(series, books.market(0, 30 * DAY, detector.topics))
        last = None
        for bucket in series.buckets.tolist():
            if detector.findings(history, (bucket,)):
                if last is None or bucket > last + quiet_min:
                    found.add((entity, bucket))
                last = bucket
    return found


@pytest.mark.parametrize("detector", quick_detectors(), ids=lambda detector: detector.name)
@settings(max_examples=80)
@given(stream=streams(), data=st.data())
def test_any_cut_of_a_stream_raises_the_same_alarms(
    detector: Detector, stream: list[Arrival], data: st.DataObject
) -> None:
    documents = [each.document for each in stream]
    whole = AlertBooks(detector)
    whole.take(documents)
    whole.judge()

    cut = AlertBooks(detector)
    while documents:
        size = data.draw(st.integers(1, max(1, len(documents))), label="batch")
        cut.take(documents[:size])
        documents = documents[size:]
        if data.draw(st.booleans(), label="engine looks"):
            cut.judge(data.draw(st.integers(1, 20), label="jobs at once"))
    for books in (whole, cut):
        books.take([LATER])
        books.judge()

    assert cut.outcome() == whole.outcome()
    assert {(entity, first) for entity, first, *_ in cut.outcome()} == plain_reading(cut, detector)


@settings(max_examples=25)
@given(stream=streams())
def test_no_episode_opens_twice_or_becomes_milder(stream: list[Arrival]) -> None:
    books = AlertBooks(quick_detector())
    for each in stream:
        books.take([each.document])
        books.judge()
    opened = [change.after.alert_id for change in books.changes if "alert.opened" in change.events]
    ended = [change.after.alert_id for change in books.changes if "alert.resolved" in change.events]
    assert len(opened) == len(set(opened))
    assert len(ended) == len(set(ended))
    for change in books.changes:
        if change.before is not None:
            assert change.after.first <= change.before.first
            assert change.after.last >= change.before.last
            assert change.after.peak.p_value <= change.before.peak.p_value


@settings(max_examples=25)
@given(stream=streams())
def test_the_same_documents_again_change_nothing(stream: list[Arrival]) -> None:
    books = AlertBooks(quick_detector())
    books.take(each.document for each in stream)
    books.judge()
    before = len(books.changes)
    books.judge()  # a redelivered stream moves no sum, so it puts nothing on the list
    assert len(books.changes) == before
