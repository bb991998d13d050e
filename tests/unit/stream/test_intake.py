"""From a raw record to a document that the model can read, and what becomes of everything else."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.records import Origin, Retraction
from stream.documents import document_id
from stream.entities import EntityLinker
from stream.errors import DeadReason, Unreadable
from stream.intake import Intake, RawRecord, Read
from stream.limits import Limits
from stream.watchlist import Entity

ARRIVED = datetime(2026, 1, 10, tzinfo=UTC)
LINKER = EntityLinker(
    [
        Entity(entity_id="QUAY.US", name="Quayside Bank", tickers=("QUAY",)),
        Entity(entity_id="600001.SH", name="码头银行", tickers=("600001.SH",)),
    ]
)


def record(value: bytes | None, *headers: tuple[str, bytes]) -> RawRecord:
    return RawRecord(
        topic="documents.raw", partition=2, offset=17, key=None, value=value, headers=headers, arrived_at=ARRIVED
    )


def read(limits: Limits | None = None, **fields: object) -> Read:
    value = json.dumps({"source": "wire", **fields}).encode()
    return Intake(LINKER, limits or Limits()).read(record(value))


def test_a_dirty_item_becomes_a_clean_document() -> None:
    value = json.dumps(
        {
            "source": " wire ",
            "url": "https://example.org/a?id=1",
            "title": "<b>Quayside Bank</b> shares ｆａｌｌ",
            "body": "<p>$QUAY lost\u200b half.</p><p>Read more</p>",
            "published_at": "Wed, 08 Feb 2023 07:00:00 -0500",
            "votes": 3,
        }
    ).encode()
    document = Intake(LINKER, Limits()).read(record(gzip.compress(value), ("content-encoding", b"gzip")))
    assert document.origin == Origin(topic="documents.raw", partition=2, offset=17)
    assert (document.source, document.url) == ("wire", "https://example.org/a?id=1")
    assert (document.title, document.body) == ("Quayside Bank shares fall", "$QUAY lost half.")
    assert document.text == "Quayside Bank shares fall. $QUAY lost half."
    assert document.language == "en"
    assert document.published_at == datetime(2023, 2, 8, 12, tzinfo=UTC)
    assert document.arrived_at == ARRIVED
    assert [(one.entity_id, document.text[one.start : one.end]) for one in document.mentions] == [
        ("QUAY.US", "Quayside Bank")
    ]
    assert document.flags == ("boilerplate_removed", "html_removed", "invisible_removed")


def test_chinese_titles_end_with_a_chinese_stop() -> None:
    document = read(title="码头银行股价大跌", body="公司未作回应。")
    assert document.text == "码头银行股价大跌。公司未作回应。"
    assert document.language == "zh-Hans"
    assert [one.entity_id for one in document.mentions] == ["600001.SH"]


@pytest.mark.parametrize(
    ("title", "body", "text"),
    [("Only a title", None, "Only a title"), (None, "Only a body", "Only a body"), ("Why?", "So.", "Why? So.")],
)
def test_one_text_of_title_and_body(title: str | None, body: str | None, text: str) -> None:
    assert read(title=title, body=body).text == text


def test_the_id_is_that_of_the_raw_item() -> None:
    from stream.decoding import decode

    value = b'{"source":"wire","title":"<b>Up</b>"}'
    raw, _ = decode(value, limits=Limits())
    assert Intake(LINKER, Limits()).read(record(value)).document_id == document_id(raw)


def test_reading_again_gives_the_same() -> None:
    value = b'{"source":"wire","title":"Up","published_at":"no date"}'
    intake = Intake(LINKER, Limits())
    assert intake.read(record(value)) == intake.read(record(value))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"title": ""},
        {"title": " \u200b ", "body": "<script>x()</script>"},
        {"title": "!!!", "body": "—"},
        {"body": "N/A"},
    ],
)
def test_a_document_without_text_is_a_dead_letter(fields: dict[str, str]) -> None:
    with pytest.raises(Unreadable) as caught:
        read(**fields)
    assert caught.value.reason is DeadReason.NO_TEXT


@pytest.mark.parametrize("source", ["\u200b", "x" * 501])
def test_a_source_must_have_a_usable_name(source: str) -> None:
    with pytest.raises(Unreadable, match=r"wrong_shape: source: \d+ characters"):
        read(source=source, title="Up")


def test_null_bytes_are_taken_out_everywhere() -> None:
    document = read(source="wi\x00re", url="https://example.org/\x00a", title="U\x00p", body="b\x00")
    assert (document.source, document.url, document.title, document.body) == (
        "wire",
        "https://example.org/a",
        "Up",
        "b",
    )
    assert document.flags == ("control_removed", "time_replaced")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "/relative", "https://a b", "https://" + "x" * 2_000]
)
def test_an_address_that_no_browser_should_follow_is_dropped(url: str) -> None:
    document = read(url=url, title="Up")
    assert document.url == ""
    assert "url_dropped" in document.flags


def test_long_texts_are_cut_after_cleaning() -> None:
    document = read(Limits(title_chars=5, body_chars=7), title="<b>Quayside</b>", body="<p>Bank fails</p>")
    assert (document.title, document.body) == ("Quays", "Bank fa")
    assert {"title_cut", "body_cut"} <= {*document.flags}


def test_a_date_in_the_year_3000_is_replaced() -> None:
    document = read(title="Up", published_at="3000-01-01T00:00:00Z", fetched_at="2026-01-09T23:00:00Z")
    assert document.published_at == datetime(2026, 1, 9, 23, tzinfo=UTC)
    assert document.flags == ("time_replaced",)


@given(
    st.dictionaries(st.sampled_from(["source", "title", "body", "url", "guid", "published_at"]), st.text(max_size=60))
)
def test_every_record_is_read_or_refused(fields: dict[str, str]) -> None:
    value = json.dumps(fields).encode("utf-8", "surrogatepass")
    try:
        document = Intake(LINKER, Limits()).read(record(value))
    except Unreadable:
        return
    for text in (document.source, document.url, document.title, document.body):
        assert "\x00" not in text
        text.encode("utf-8")


@given(st.binary(max_size=200))
def test_no_bytes_crash_it(value: bytes) -> None:
    try:
        Intake(LINKER, Limits()).read(record(value))
    except Unreadable as refused:
        assert str(refused).startswith(refused.reason.value)  # noqa: PT017 - either outcome is right


def test_a_correction_is_a_document_with_the_id_of_the_first_and_the_time_it_was_made() -> None:
    first = read(guid="a", title="Quayside Bank loses half")
    later = read(guid="a", title="Quayside Bank loses a tenth", revised_at="2026-01-09T08:00:00+08:00")

    assert (first.document_id, first.revised_at) == (later.document_id, None)
    assert later.revised_at == datetime(2026, 1, 9, tzinfo=UTC)
    assert later.flags == ("time_replaced",), "it has no time of publication; that is all"


@pytest.mark.parametrize("written", ["yesterday", "9999-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_time_of_revision_that_cannot_be_true_is_that_of_arrival(written: str) -> None:
    """Else it would win over all versions to come, or lose to all that are."""
    later = read(guid="a", title="Quayside Bank loses a tenth", published_at="2026-01-08", revised_at=written)

    assert (later.revised_at, later.flags) == (ARRIVED, ("revision_time_replaced",))


def test_a_takedown_needs_a_name_and_no_text() -> None:
    document = read(guid="a", title="Quayside Bank loses half")
    takedown = read(guid="a", retracted=True, revised_at="2026-01-09T08:00:00Z")

    assert takedown == Retraction(
        document_id=document.document_id,
        origin=Origin(topic="documents.raw", partition=2, offset=17),
        published_at=ARRIVED,
        arrived_at=ARRIVED,
        revised_at=datetime(2026, 1, 9, 8, tzinfo=UTC),
    )
    by_id = read(retracts=str(document.document_id).upper())
    assert (by_id.document_id, by_id.revised_at) == (document.document_id, ARRIVED)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"retracted": True}, "names no document"),
        ({"retracts": "number seven"}, "retracts is no document id"),
        ({"retracted": "yes", "guid": "a"}, "retracted"),
    ],
)
def test_a_takedown_that_cannot_be_understood_is_a_dead_letter_and_takes_nothing_down(fields, told: str) -> None:
    with pytest.raises(Unreadable, match=told) as caught:
        read(**fields)
    assert caught.value.reason == DeadReason.WRONG_SHAPE


def test_a_record_that_says_it_was_not_taken_down_is_a_document() -> None:
    assert isinstance(read(guid="a", title="Quayside Bank", retracted=False, retracts=None, revised_at=""), Read)
