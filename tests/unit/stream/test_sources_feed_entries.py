"""Feeds become documents; hostile ones become nothing worse."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import pytest
from source_doubles import NOON, rss

from stream.documents import RawDocument
from stream.sources.errors import FeedError
from stream.sources.feed_entries import read_feed
from stream.times import read_time


def read(content: bytes, content_type: str = "application/rss+xml") -> list[RawDocument]:
    return read_feed(content, content_type=content_type, source="harbour.example", fetched_at=NOON)


def test_rss() -> None:
    (document,) = read(
        rss(
            "<title>Ferry &amp; Sons grow</title><description>&lt;p&gt;Six ferries.&lt;/p&gt;</description>"
            "<link>https://harbour.example/1</link><guid>f-1</guid><pubDate>Mon, 02 Mar 2026 08:00:00 +0800</pubDate>"
        ).replace(b"<title>Wire</title>", b"<title>Wire</title><language>en-gb</language>")
    )
    assert document == RawDocument(
        source="harbour.example",
        url="https://harbour.example/1",
        guid="f-1",
        title="Ferry & Sons grow",
        body="<p>Six ferries.</p>",
        published_at="Mon, 02 Mar 2026 08:00:00 +0800",
        fetched_at=NOON,
        language="en-gb",
    )


def test_atom_prefers_the_whole_content() -> None:
    (document,) = read(
        b'<feed xmlns="http://www.w3.org/2005/Atom"><title>W</title><entry><title>A</title><id>tag:x,1</id>'
        b'<link href="https://harbour.example/a"/><updated>2026-03-02T08:00:00Z</updated>'
        b'<summary>Short.</summary><content type="html">Long and whole.</content></entry></feed>',
        "text/html; charset=utf-8",
    )
    assert (document.guid, document.url, document.body) == ("tag:x,1", "https://harbour.example/a", "Long and whole.")
    assert document.published_at == "2026-03-02T08:00:00Z"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-05-15 07:57:02  +0800", datetime(2026, 5, 14, 23, 57, 2, tzinfo=UTC)),
        ("2026年5月15日 07:57", datetime(2026, 5, 14, 23, 57, tzinfo=UTC)),
    ],
    ids=["two spaces", "Chinese"],
)
def test_times_in_any_notation_mean_what_was_written(written: str, meant: datetime) -> None:
    (document,) = read(rss(f"<title>x</title><pubDate>{written}</pubDate>"))
    assert read_time(document.published_at) == meant


def test_a_date_that_nobody_can_read_goes_on_as_written_for_intake_to_replace() -> None:
    """feedparser would make it the first of November."""
    (document,) = read(rss("<title>x</title><pubDate>2026년 05월 15일  오전 07:57</pubDate>"))
    assert document.published_at == "2026년 05월 15일  오전 07:57"


def test_a_readable_date_of_update_is_better_than_an_unreadable_one_of_publication() -> None:
    atom = '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>A</title>{}</entry></feed>'
    dates = "<published>soon</published><updated>2026-03-02T08:00:00Z</updated>"
    assert read(atom.format(dates).encode())[0].published_at == "2026-03-02T08:00:00Z"
    assert read(atom.format("").encode())[0].published_at == ""


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "file:///etc/passwd", "http://[broken", "htt\n\nps://harbour.example/"]
)
def test_a_link_that_is_no_web_address_is_left_out(link: str) -> None:
    assert read(rss(f"<title>x</title><link>{link}</link>"))[0].url == ""


def test_an_entry_without_text_is_left_out() -> None:
    assert [each.title for each in read(rss("<guid>1</guid>", "<title>x</title>"))] == ["x"]


def test_a_feed_that_breaks_off_gives_what_came_before() -> None:
    whole = rss(*(f"<title>Item {n}</title>" for n in range(3)))
    assert [each.title for each in read(whole[: whole.index(b"Item 2")])] == ["Item 0", "Item 1"]


@pytest.mark.parametrize("content", [b"", b"<html><body>Please sign in</body></html>", b"\x00\x01\x02", b'{"a": 1}'])
def test_what_is_no_feed_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(FeedError) as caught:
        read(content, "text/html")
    assert caught.value.reason == "not_a_feed"


def test_an_empty_feed_is_a_feed() -> None:
    assert read(rss()) == []


def _laughs() -> str:
    inner = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE rss [<!ENTITY l0 "lol">{inner}]>'


@pytest.mark.parametrize("head", [_laughs(), f"<!-- <rss> -->{_laughs()}", f"<?x <y?>{_laughs()}"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_billion_laughs_stay_unheard(head: str, encoding: str) -> None:
    bomb = rss("<title>x &l11; y</title>", head=head).decode()
    content = bomb.replace('<?xml version="1.0"?>', f'<?xml version="1.0" encoding="{encoding}"?>').encode(encoding)
    begun = process_time()
    titles = [each.title for each in read(content)]
    assert sum(map(len, titles)) < 10_000
    assert process_time() - begun < 60  # 10^11 laughs take hours


def test_nothing_outside_the_feed_is_loaded(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("open sesame")
    head = f'<!DOCTYPE rss [<!ENTITY s SYSTEM "{secret.as_uri()}"><!ENTITY % p SYSTEM "{secret.as_uri()}"> %p;]>'
    for content in (rss("<title>x &s; y</title>", head=head), rss("<title>x &s; y</title>", head=f"<!--<a>-->{head}")):
        assert all("sesame" not in each.title for each in read(content))


def test_markup_that_never_closes_takes_no_quadratic_time() -> None:
    def seconds(count: int) -> float:
        begun = process_time()
        read(rss(f"<title>x</title><description><![CDATA[{'<!--' * count}]]></description>"))
        return process_time() - begun

    assert seconds(200_000) < 20  # minutes with feedparser's own sanitiser


@pytest.mark.parametrize("written", ["&#55357;&#56841;", "&#xD83D;&#xde09;", "&#x1f609;"])
def test_an_emoji_written_as_two_surrogates_is_an_emoji(written: str) -> None:
    """Feeds that were made with UTF-16 in mind hold them; no XML reader takes them."""
    (document,) = read(rss(f"<title>All is well {written}!</title>"))
    assert document.title == "All is well \U0001f609!"


def test_half_an_emoji_is_a_question_mark() -> None:
    assert [each.title for each in read(rss("<title>a &#xD83D; b &#56841;&#55357; c</title>"))] == ["a ? b ?? c"]


def test_a_feed_on_which_the_reader_itself_fails_is_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise UnicodeDecodeError("utf-8", b"\xc0", 0, 1, "invalid start byte")

    monkeypatch.setattr("stream.sources.feed_entries.feedparser.parse", fail)
    with pytest.raises(FeedError, match="damaged: the feed reader fails on it: UnicodeDecodeError"):
        read(rss("<title>x</title>"))
