"""Feeds are polled from a real server on the loopback, which tells what it was asked."""

from __future__ import annotations

import asyncio
import gzip
import random
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from eventually import eventually
from source_doubles import NOON, Answer, FeedSite, HandClock, feed_site, rss
from structlog.testing import capture_logs

from stream.sources import build, fetching
from stream.sources.acknowledgement import polling
from stream.sources.errors import FeedError, SourceOptionsError
from stream.sources.feed_poll import FeedPoll
from stream.sources.feed_state import FeedMemory
from stream.sources.fetching import Fetcher, is_internal
from stream.sources.memory import MemorySink
from stream.sources.politeness import HostGate
from stream.sources.rss import Feed, FeedSource, Options

ONE, TWO = "<title>One</title><guid>1</guid>", "<title>Two</title><guid>2</guid>"


@pytest.fixture
def site() -> Iterator[FeedSite]:
    with feed_site() as running:
        yield running


class Desk:
    """A source of one feed whose polls the test makes one by one, over restarts."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.sink, self.clock, self.folder = MemorySink(), HandClock(), folder
        self.options = {"poll_s": 300, "host_delay_s": 0, **options}

    @asynccontextmanager
    async def started(self, url: str) -> AsyncIterator[FeedPoll]:
        options = Options(feeds=(Feed(url=url),), **self.options)
        source = FeedSource(
            options, self.sink, name="wire", state=self.folder, clock=self.clock, chance=random.Random(1)
        )
        with polling(self.sink), FeedMemory(self.folder) as memory:
            async with source.client() as client:
                yield source.poller(client, memory)

    async def poll(self, url: str) -> float:
        """One poll in a process of its own, so to speak; the seconds until the next."""
        async with self.started(url) as poll:
            return await poll.poll(url, "harbour.example")

    def titles(self) -> list[str]:
        return [each.title for each in self.sink.documents()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_each_entry_is_published_once_over_polls_and_restarts(site: FeedSite, desk: Desk) -> None:
    url = site.says("/feed", Answer(body=rss(ONE)), Answer(body=rss(TWO, ONE)), Answer(body=rss(ONE, ONE, TWO)))
    pauses = [await desk.poll(url) for _ in range(3)]
    assert desk.titles() == ["One", "Two"]
    assert pauses == [300, 300, 300]
    assert {each.source for each in desk.sink.documents()} == {"harbour.example"}
    assert {each.fetched_at for each in desk.sink.documents()} == {NOON}


async def test_a_feed_is_asked_whether_it_changed_and_by_whom(site: FeedSite, desk: Desk) -> None:
    validators = {"ETag": '"v1"', "Last-Modified": "Mon, 02 Mar 2026 08:00:00 GMT"}
    url = site.says("/feed", Answer(body=rss(ONE), headers=validators), Answer(304), Answer(body=rss(TWO)), Answer(304))
    for _ in range(4):
        await desk.poll(url)
    first, second, third, fourth = (asked.headers for asked in site.asked)
    assert "if-none-match" not in first
    assert "if-modified-since" not in first
    assert first["user-agent"].startswith("Yuqing/")
    for asked in (second, third):  # a 304 keeps the validators
        assert (asked["if-none-match"], asked["if-modified-since"]) == ('"v1"', validators["Last-Modified"])
    assert "if-none-match" not in fourth  # the third answer had none
    assert desk.titles() == ["One", "Two"]


async def test_nothing_is_remembered_before_the_broker_has_it(site: FeedSite, desk: Desk) -> None:
    """The process dies while the broker is away: the entry is fetched and published at the next start."""
    url = site.says("/feed", Answer(body=rss(ONE), headers={"ETag": '"v1"'}))
    desk.sink.away = True
    async with desk.started(url) as poll:
        task = asyncio.create_task(poll.poll(url, "s"))
        while not desk.sink._open:
            await asyncio.sleep(0.001)
        task.cancel()
    desk.sink._open.clear()
    desk.sink.away = False
    await desk.poll(url)
    assert desk.titles() == ["One"]
    assert "if-none-match" not in site.asked[-1].headers


async def test_a_broker_that_is_away_is_waited_for_and_said_once(
    site: FeedSite, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.sources.feed_poll._SILENCE_S", 0.01)
    url = site.says("/feed", Answer(body=rss(ONE)))
    desk.sink.away = True
    with capture_logs() as logs:
        async with desk.started(url) as poll:
            task = asyncio.create_task(poll.poll(url, "s"))
            while not logs:
                await asyncio.sleep(0.001)
            desk.sink.away = False
            assert await task == 300
    assert [entry["event"] for entry in logs] == ["broker_unreachable", "broker_reachable"]


async def test_a_full_queue_is_tried_again(site: FeedSite, desk: Desk) -> None:
    url = site.says("/feed", Answer(body=rss(ONE)))
    desk.sink._room = 0
    with capture_logs() as logs:
        async with desk.started(url) as poll:
            task = asyncio.create_task(poll.poll(url, "s"))
            while not logs:
                await asyncio.sleep(0.001)
            desk.sink._room = 10
            await task
    assert desk.titles() == ["One"]


async def test_an_entry_that_the_broker_refuses_is_a_failure_of_the_feed(site: FeedSite, desk: Desk) -> None:
    url = site.says("/feed", Answer(body=rss(ONE)))
    desk.sink.refuses = lambda _key: True
    with capture_logs() as logs:
        assert await desk.poll(url) >= 300
    assert logs[0]["reason"] == "refused_by_broker"
    desk.sink.refuses = lambda _key: False
    await desk.poll(url)
    assert desk.titles() == ["One"]


async def test_failures_back_off_are_said_once_and_so_is_the_recovery(site: FeedSite, desk: Desk) -> None:
    url = site.says("/feed", *[Answer(500)] * 4, Answer(body=rss(ONE)))
    with capture_logs() as logs:
        pauses = [await desk.poll(url) for _ in range(5)]
    assert [low <= pause <= 2 * low for low, pause in zip((300, 600, 1200, 2400), pauses, strict=False)] == [True] * 4
    assert pauses[4] == 300
    assert [(entry["event"], entry.get("reason")) for entry in logs] == [
        ("feed_failed", "status_500"),
        ("feed_recovered", None),
    ]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("asks", ["7200", format_datetime(NOON + timedelta(hours=2))])
async def test_a_server_that_asks_to_be_left_alone_is_over_a_restart_too(
    status: int, asks: str, site: FeedSite, desk: Desk
) -> None:
    url = site.says("/feed", Answer(status, headers={"Retry-After": asks}), Answer(body=rss(ONE)))
    assert await desk.poll(url) == 7200
    desk.clock.advance(1800)
    async with desk.started(url) as poll:
        assert poll.first_pause_s(url) == 5400
    await desk.poll(url)
    async with desk.started(url) as poll:
        assert poll.first_pause_s(url) == 0


async def test_a_feed_that_is_gone_is_asked_once_a_month(site: FeedSite, desk: Desk) -> None:
    url = site.says("/feed", Answer(410))
    with capture_logs() as logs:
        assert await desk.poll(url) == 30 * 24 * 3600
    assert logs[0]["reason"] == "gone"


async def test_a_feed_that_moved_for_good_is_asked_there_from_then_on(site: FeedSite, desk: Desk) -> None:
    url = site.says("/feed", Answer(301, headers={"Location": "/half"}))
    site.says("/half", Answer(308, headers={"Location": "/new"}))
    site.says("/new", Answer(body=rss(ONE)), Answer(body=rss(ONE, TWO)))
    with capture_logs() as logs:
        await desk.poll(url)
        await desk.poll(url)
    assert [asked.path for asked in site.asked] == ["/feed", "/half", "/new", "/new"]
    assert desk.titles() == ["One", "Two"]  # the same entries, wherever they are
    (moved,) = logs
    assert (moved["event"], moved["to"]) == ("feed_moved", site.address + "/new")


@pytest.mark.parametrize("status", [302, 303, 307])
async def test_a_feed_that_is_elsewhere_for_now_is_asked_at_home_again(status: int, site: FeedSite, desk: Desk) -> None:
    url = site.says("/feed", Answer(status, headers={"Location": "/else"}))
    site.says("/else", Answer(301, headers={"Location": "/there"}))
    site.says("/there", Answer(body=rss(ONE)))
    await desk.poll(url)
    await desk.poll(url)
    assert [asked.path for asked in site.asked] == ["/feed", "/else", "/there"] * 2


async def test_a_new_address_that_fails_three_times_is_doubted(site: FeedSite, desk: Desk) -> None:
    url = site.says("/feed", Answer(301, headers={"Location": "/new"}), Answer(body=rss(ONE, TWO)))
    site.says("/new", Answer(body=rss(ONE)), Answer(404))
    for _ in range(5):
        await desk.poll(url)
    assert [asked.path for asked in site.asked] == ["/feed", "/new", "/new", "/new", "/new", "/feed"]
    assert desk.titles() == ["One", "Two"]


async def failure(desk: Desk, url: str) -> str:
    with capture_logs() as logs:
        await desk.poll(url)
    return str(logs[0]["reason"])


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://harbour.example/feed", "gopher://x/", "//[x"])
async def test_a_redirect_out_of_the_web_is_refused(target: str, site: FeedSite, desk: Desk) -> None:
    url = site.says("/feed", Answer(301, headers={"Location": target}))
    assert await failure(desk, url) in ("redirect_refused", "unreachable")
    assert len(site.asked) == 1
    assert desk.sink.records == []


async def test_redirects_in_a_ring_end(site: FeedSite, desk: Desk) -> None:
    url = site.says("/feed", Answer(302, headers={"Location": "/feed"}))
    assert await failure(desk, url) == "redirect_refused"
    assert len(site.asked) == 6


async def test_a_redirect_from_the_web_into_our_own_network_is_refused(site: FeedSite) -> None:
    url = site.says("/feed", Answer(302, headers={"Location": site.address.replace("127.0.0.1", "localhost") + "/in"}))
    site.says("/in", Answer(body=rss(ONE)))
    clock = HandClock()

    async def internal(host: str) -> bool:
        return host == "localhost"  # and 127.0.0.1 is the world

    async with httpx.AsyncClient() as client:
        fetcher = Fetcher(client, HostGate(0, clock, asyncio.sleep), max_bytes=1000, timeout_s=5, internal=internal)
        with pytest.raises(FeedError, match="redirect_refused: to localhost, which is inside"):
            await fetcher.fetch(url, etag="", last_modified="", now=NOON)
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("host", "internal"),
    [("127.0.0.1", True), ("169.254.169.254", True), ("::1", True), ("8.8.8.8", False), ("absent.invalid", False)],
)
async def test_which_addresses_are_internal(host: str, internal: bool) -> None:
    assert await is_internal(host) == internal


async def test_a_feed_that_is_too_large_is_not_read_to_its_end(site: FeedSite, tmp_path: Path) -> None:
    desk = Desk(tmp_path, max_feed_bytes=10_000)
    assert await failure(desk, site.says("/large", Answer(body=rss(*[ONE] * 1000)))) == "too_large"
    bomb = Answer(body=gzip.compress(bytes(10_000_000)), headers={"Content-Encoding": "gzip"})
    assert await failure(desk, site.says("/bomb", bomb)) == "too_large"


async def test_gzip_is_asked_for_and_read(site: FeedSite, desk: Desk) -> None:
    packed = gzip.compress(rss(ONE))
    await desk.poll(site.says("/feed", Answer(body=packed, headers={"Content-Encoding": "gzip"})))
    assert desk.titles() == ["One"]
    assert site.asked[0].headers["accept-encoding"] == "gzip"
    cut = Answer(body=packed[:-9], headers={"Content-Encoding": "gzip"})
    assert await failure(desk, site.says("/cut", cut)) == "damaged"
    assert await failure(desk, site.says("/br", Answer(headers={"Content-Encoding": "br"}))) == "damaged"


async def test_what_is_no_feed_is_a_failure(site: FeedSite, desk: Desk) -> None:
    page = Answer(body=b"<html>Sign in</html>", headers={"Content-Type": "text/html"})
    assert await failure(desk, site.says("/feed", page)) == "not_a_feed"


async def test_a_server_that_is_not_there_is_a_failure(desk: Desk) -> None:
    assert await failure(desk, "http://127.0.0.1:9/feed") == "unreachable"


async def test_a_server_that_drips_is_cut_off(desk: Desk) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        except OSError:
            pass

    desk.options["timeout_s"] = 0.3
    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        assert await failure(desk, f"http://127.0.0.1:{port}/feed") == "timeout"
    finally:
        server.close()


def test_the_daemon_polls_every_feed_until_it_is_stopped(site: FeedSite, tmp_path: Path) -> None:
    one, two = site.says("/one", Answer(body=rss(ONE))), site.says("/two", Answer(body=rss(TWO)))
    sink, stop = MemorySink(), threading.Event()
    options = {"feeds": [{"url": one, "source": "First"}, {"url": two}], "host_delay_s": 0}
    source = build("rss", options, sink, name="wire", state=tmp_path, clock=HandClock())
    thread = threading.Thread(target=source.run, args=(stop,))
    thread.start()
    eventually(lambda: len(sink.records) == 2)
    stop.set()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert {(each.source, each.title) for each in sink.documents()} == {("First", "One"), ("127.0.0.1", "Two")}


def test_a_fault_of_ours_ends_the_daemon_and_is_not_swallowed(
    site: FeedSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(fetching.Fetcher, "fetch", broken)
    options = Options(feeds=(Feed(url=site.address + "/feed"),))
    with pytest.raises(ZeroDivisionError):
        FeedSource(options, MemorySink(), name="wire", state=tmp_path, clock=HandClock()).run(threading.Event())


def test_a_feed_that_is_named_twice_is_a_mistake(tmp_path: Path) -> None:
    feed = {"url": "https://www.harbour.example/feed"}
    with pytest.raises(SourceOptionsError, match=r"names a feed twice: https://www\.harbour\.example/feed"):
        build("rss", {"feeds": [feed, feed]}, MemorySink(), name="wire", state=tmp_path, clock=HandClock())


def test_the_source_of_a_feed_is_its_host_unless_it_has_a_name() -> None:
    assert Feed(url="https://WWW.Harbour.example/feed").source_name == "harbour.example"
    assert Feed(url="https://harbour.example/feed", source="Harbour Post").source_name == "Harbour Post"
