"""A record becomes a document whatever its crawler calls the fields."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from source_doubles import NOON

from stream.documents import encode
from stream.sources.errors import FieldError, SourceOptionsError
from stream.sources.fields import FieldMap


def test_the_usual_names_need_no_settings() -> None:
    record = {
        "source": "Harbour Post",
        "headline": "Ferry line doubles its fleet",
        "description": "Six new ferries.",
        "link": "https://harbour.example/ferries",
        "date_published": "2026-03-01 08:00:00+00:00",
        "language": "en-GB",
        "votes": [1, 2],
    }
    document = FieldMap().document(record, source="file", fetched_at=NOON)
    assert document.source == "Harbour Post"
    assert document.title == "Ferry line doubles its fleet"
    assert document.body == "Six new ferries."
    assert document.url == "https://harbour.example/ferries"
    assert document.published_at == "2026-03-01 08:00:00+00:00"
    assert document.language == "en-GB"
    assert document.fetched_at == NOON


def test_the_first_name_that_holds_something_counts() -> None:
    record = {
        "title": "Rain",
        "description": "N/A",
        "summary": " n/a ",
        "content": None,
        "text": " " * 40,
        "lede": "Rain.",
    }
    fields = FieldMap({"body": ["content", "text", "description", "summary", "lede"]})
    assert fields.document(record, source="s", fetched_at=NOON).body == "Rain."


def test_what_crawlers_write_for_nothing_is_nothing() -> None:
    document = FieldMap().document({"title": "Rain", "summary": "N/A", "source": None}, source="file", fetched_at=NOON)
    assert (document.body, document.source) == ("", "file")


def test_names_can_be_set_for_one_field_and_leave_the_others() -> None:
    fields = FieldMap({"title": ["kop"], "body": "tekst"})
    document = fields.document(
        {"kop": "Regen", "title": "no", "tekst": "Nat.", "link": "u"}, source="s", fetched_at=NOON
    )
    assert (document.title, document.body, document.url) == ("Regen", "Nat.", "u")


def test_numbers_and_dates_become_text() -> None:
    record = {"title": 404, "published": datetime(2026, 3, 1, tzinfo=UTC)}
    document = FieldMap().document(record, source="s", fetched_at=NOON)
    assert (document.title, document.published_at) == ("404", "2026-03-01T00:00:00+00:00")


@pytest.mark.parametrize("value", [["a"], {"a": 1}, True])
def test_a_field_that_is_no_text_is_an_error_that_names_it_and_not_its_content(value: object) -> None:
    with pytest.raises(FieldError, match=r"^title is a (list|dict|bool), not a text$"):
        FieldMap().document({"title": value}, source="s", fetched_at=NOON)


def test_a_field_that_documents_do_not_have_is_named_with_those_that_they_have() -> None:
    with pytest.raises(SourceOptionsError, match=r"no field heading\. There are: source, url, guid, title, body"):
        FieldMap({"heading": ["h"]})


def test_half_an_emoji_does_not_keep_a_record_from_being_published() -> None:
    """A crawler's own JSON reader lets it through; the wire does not."""
    document = FieldMap().document({"title": "Ferries \ud83d grow", "body": "\U0001f6a2"}, source="x", fetched_at=NOON)
    assert (document.title, document.body) == ("Ferries ? grow", "\U0001f6a2")
    encode(document)


def test_a_correction_and_a_takedown_are_said_by_fields_of_their_own() -> None:
    later = FieldMap().document({"guid": "a", "title": "Rain", "revised_at": "2026-03-01"}, source="s", fetched_at=NOON)
    gone = [
        FieldMap().document({"guid": "a", "retracted": told}, source="s", fetched_at=NOON) for told in (True, "true")
    ]

    assert (later.revised_at, later.retracted) == ("2026-03-01", False)
    assert all(document.retracted for document in gone)
    assert not FieldMap().document({"title": "Rain", "retracted": False}, source="s", fetched_at=NOON).takes_down


@pytest.mark.parametrize("told", ["maybe", [True], {"yes": True}, 7])
def test_a_takedown_that_is_neither_true_nor_false_is_refused(told: object) -> None:
    with pytest.raises(FieldError, match="retracted is neither true nor false"):
        FieldMap().document({"guid": "a", "retracted": told}, source="s", fetched_at=NOON)
