"""The bundled stream: the same every time, varied, and honest about what must become of each record."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from random import Random

import msgspec
import pytest

from deploy.demo.broken import broken_records
from deploy.demo.debris import control_characters, full_width, html, zero_width
from deploy.demo.items import Item, Truth
from deploy.demo.newsroom import Edition, edition
from deploy.demo.slots import Slots
from deploy.demo.words import companies, crisis, elsewhere, vocabulary
from stream.cleaning import plain_text
from stream.decoding import decode
from stream.documents import RawDocument, document_id
from stream.errors import DeadReason, Unreadable
from stream.limits import Limits
from stream.times import believable

NOW = datetime(2026, 5, 6, 14, 30, tzinfo=UTC)
TEXT = "Tallow & Finch reported 12 percent more sales. 订单增加。"


@pytest.fixture(scope="module")
def stream() -> Edition:
    return edition(11, NOW, stories=900)


@pytest.fixture(scope="module")
def items(stream: Edition) -> tuple[Item, ...]:
    return stream.history + stream.live


@pytest.fixture(scope="module")
def read(items: tuple[Item, ...]) -> list[tuple[Item, RawDocument, set[str]]]:
    """Each living item as intake decodes it, with the flags of decoding, cleaning and dating."""
    limits, out = Limits(), []
    for item in items:
        if item.fate != "dead":
            document, flags = decode(item.value, item.headers, limits=limits)
            (_, soiled), (_, undated) = (
                plain_text(document.body[: limits.body_chars]),
                believable(document.published_at, document.fetched_at, NOW, limits),
            )
            out.append((item, document, {*flags, *soiled, *undated}))
    return out


def test_one_seed_and_moment_give_one_stream() -> None:
    assert edition(3, NOW, stories=60) == edition(3, NOW, stories=60)
    assert edition(3, NOW, stories=60) != edition(4, NOW, stories=60)


def test_items_come_in_order_of_arrival_and_the_live_part_last(stream: Edition, items: tuple[Item, ...]) -> None:
    assert all(earlier.due <= later.due for earlier, later in pairwise(items))
    assert stream.history[-1].due < stream.live[0].due
    assert all(NOW - timedelta(days=15) < item.due <= NOW for item in items)


def test_nothing_is_published_after_it_was_found(read: list[tuple[Item, RawDocument, set[str]]]) -> None:
    for item, document, flags in read:
        published, _ = believable(document.published_at, document.fetched_at, item.due, Limits())
        assert published <= item.due
        assert ("time_replaced" in item.flags) == ("time_replaced" in flags)


def test_publication_is_out_of_order_and_some_items_are_hours_late(
    read: list[tuple[Item, RawDocument, set[str]]],
) -> None:
    lags = [
        item.due - believable(document.published_at, document.fetched_at, item.due, Limits())[0]
        for item, document, _ in read
        if item.fate == "stored"
    ]
    assert sum(lag > timedelta(hours=1) for lag in lags) >= 10


def test_every_stored_item_has_an_identity_of_its_own_and_every_repeat_an_earlier_one(
    read: list[tuple[Item, RawDocument, set[str]]],
) -> None:
    seen = set()
    for item, document, _ in read:
        identity = document_id(document)
        assert (identity in seen) == (item.fate == "repeated")
        if item.value.startswith(b"{"):
            assert item.key == str(identity).encode()
        seen.add(identity)


def test_the_flags_that_an_item_announces_are_those_it_gets(read: list[tuple[Item, RawDocument, set[str]]]) -> None:
    for item, _, flags in read:
        assert item.flags <= flags
        assert flags - item.flags <= {"boilerplate_removed"}
    announced = Counter(flag for item, _, _ in read for flag in item.flags)
    assert {"html_removed", "control_removed", "invisible_removed", "encoding_mended", "time_replaced", "body_cut"} <= {
        *announced
    }


def test_every_broken_record_is_refused_for_the_announced_reason(items: tuple[Item, ...]) -> None:
    limits, reasons = Limits(), set()
    for item in items:
        if item.fate != "dead":
            continue
        reasons.add(item.reason)
        assert item.reason in {reason.value for reason in DeadReason}
        if item.reason == "no_text":
            document, _ = decode(item.value, item.headers, limits=limits)
            assert plain_text(document.title)[0] == plain_text(document.body)[0] == ""
        else:
            with pytest.raises(Unreadable) as refusal:
                decode(item.value, item.headers, limits=limits)
            assert refusal.value.reason == item.reason
    assert reasons == {"not_json", "wrong_shape", "no_text", "not_utf8", "decompression_bomb"}


def test_the_truth_counts_fates() -> None:
    stored, crisis_item = Item(NOW, b"{}", "stored"), Item(NOW, b"{}", "stored", crisis=True)
    dead = Item(NOW, b"", "dead", reason="not_json")
    truth = Truth.of([stored, crisis_item, dead, dead, Item(NOW, b"{}", "repeated", crisis=True)])
    assert truth == Truth(records=5, documents=2, repeated=1, dead={"not_json": 2}, crisis_documents=1)
    assert truth.dead_letters == 2


def test_the_crisis_is_live_and_told_in_both_languages(read: list[tuple[Item, RawDocument, set[str]]]) -> None:
    run = [
        document for item, document, _ in read if item.crisis and item.due >= NOW - timedelta(minutes=62)
    ]  # fmt: skip
    titles = {document.title for document in run}
    assert sum("Harbourline" in title for title in titles) >= 15
    assert sum("港澜" in title for title in titles) >= 15
    assert len(crisis().beats) == 34


def test_an_item_names_the_bank_exactly_when_it_says_so(read: list[tuple[Item, RawDocument, set[str]]]) -> None:
    for item, document, _ in read:
        body = plain_text(document.body[:10_000])[0]
        names_it = re.search("Harbourline|港澜银行|港瀾銀行", f"{document.title} {body}")
        assert bool(names_it) == item.crisis


def test_the_watch_list_beside_it_names_the_bank_that_fails() -> None:
    rows = list(csv.DictReader(files("deploy.demo").joinpath("watchlist.csv").read_text("utf-8").splitlines()))
    assert [row["entity_id"] for row in rows] == [crisis().entity_id]
    assert {"Harbourline", "港澜银行", "港瀾銀行"} <= {rows[0]["name"], *rows[0]["aliases"].split("|")}


def test_news_is_varied_and_some_companies_are_busier_than_others(
    read: list[tuple[Item, RawDocument, set[str]]],
) -> None:
    texts = [document.title + document.body for item, document, _ in read if item.fate == "stored"]
    assert len(set(texts)) > 0.98 * len(texts)
    told = Counter(
        company.name for company in companies() for item, document, _ in read if company.name in document.title
    )
    assert told["Apple"] > 5 * max(1, told["Badger Meter"])


def test_bad_news_about_real_companies_is_mild() -> None:
    for language in ("en", "zh"):
        for _ in range(200):
            slots = Slots(Random(_), language, tone="bad")
            assert float(slots["pct"].rstrip("%")) < 3
    harsh = re.compile("fraud|bankrupt|scandal|lawsuit|欺诈|破产|造假|起诉", re.IGNORECASE)
    for language in ("en", "zh"):
        for kind in vocabulary(language).kinds:
            assert not harsh.search(" ".join(kind.headlines + kind.leads))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_slot_of_every_template_can_be_filled(language: str) -> None:
    words, cast = vocabulary(language), [company for company in companies() if company.language == language]
    templates = [line for kind in words.kinds for line in kind.headlines + kind.leads]
    templates += words.context
    for company in cast:
        slots = Slots(Random(1), language, company=company)
        for template in templates:
            assert "{" not in slots.fill(template)
    for template in words.macro_headlines + words.macro_leads:
        assert "{" not in Slots(Random(1), language).fill(template)
    for title, body in elsewhere()["traditional"] if language == "zh" else elsewhere()["others"]:
        assert "{" not in Slots(Random(1), language).fill(title + body)


def test_a_slot_keeps_its_value_within_a_story_and_not_in_the_lines_around_it() -> None:
    slots = Slots(Random(5), "en", company=companies()[0], tone="good")
    assert slots.fill("{money} {pct}") == slots.fill("{money} {pct}")
    aside = slots.aside()
    assert (aside["product"], aside["company"], aside["updown"]) == (slots["product"], "Apple", "higher")
    assert aside.fill("{money} {pct}") != slots.fill("{money} {pct}")


def test_an_unknown_slot_is_an_error() -> None:
    with pytest.raises(KeyError, match="colour"):
        Slots(Random(5), "en").fill("{colour}")


@pytest.mark.parametrize("soil", [html, zero_width, full_width, control_characters])
@pytest.mark.parametrize("seed", range(5))
def test_debris_is_taken_away_without_a_trace_in_the_text(soil: object, seed: int) -> None:
    soiled = soil(TEXT, Random(seed))  # type: ignore[operator]
    assert soiled != TEXT
    assert plain_text(soiled)[0].removesuffix(" »") == TEXT


def test_broken_records_differ_by_seed_but_not_in_their_reasons() -> None:
    one, two = broken_records(Random(1)), broken_records(Random(2))
    assert [broken.reason for broken in one] == [broken.reason for broken in two]
    assert one != two
    assert not any(_is_document(broken.value) for broken in one if broken.reason == "not_json")


def _is_document(value: bytes) -> bool:
    try:
        msgspec.json.decode(value)
    except msgspec.DecodeError:
        return False
    return True
