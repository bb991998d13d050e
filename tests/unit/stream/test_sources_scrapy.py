"""The pipeline lets an item go when the broker has it, and a crawl that lost some does not end quietly."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from scrapy.exceptions import NotConfigured
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.test import get_crawler
from source_doubles import NOON, HandClock
from structlog.testing import capture_logs

from stream.publisher import PublishError
from stream.sources.errors import FieldError, SourceError
from stream.sources.memory import MemorySink
from stream.sources.scrapy_pipeline import KafkaPipeline

ITEM = {"headline": "Ferry line doubles its fleet", "url": "https://harbour.example/1"}


class Crawl:
    """A pipeline with a broker in memory."""

    def __init__(self) -> None:
        crawler = get_crawler()
        self.stats = MemoryStatsCollector(crawler)
        self.sink = MemorySink()
        self.pipeline = KafkaPipeline(
            self.sink, source="harbour", fields={"title": ["headline"]}, clock=HandClock(), stats=self.stats
        )
        self.pipeline.open_spider()

    async def __aenter__(self) -> Crawl:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self.pipeline.close_spider()


async def test_an_item_comes_out_unchanged_when_the_broker_has_it() -> None:
    async with Crawl() as crawl:
        assert await crawl.pipeline.process_item(ITEM) is ITEM
        (document,) = crawl.sink.documents()
        assert (document.source, document.title, document.fetched_at) == ("harbour", ITEM["headline"], NOON)
        assert crawl.stats.get_value("yuqing/published") == 1


async def test_a_broker_that_is_away_holds_the_crawl_and_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.sources.scrapy_pipeline._SILENCE_S", 0.01)
    with capture_logs() as logs:
        async with Crawl() as crawl:
            crawl.sink.away = True
            waiting = [asyncio.create_task(crawl.pipeline.process_item(ITEM)) for _ in range(3)]
            while not logs:
                await asyncio.sleep(0.001)
            crawl.sink.away = False
            await asyncio.gather(*waiting)
    assert [entry["event"] for entry in logs] == ["broker_unreachable", "broker_reachable"]


async def test_a_full_queue_is_tried_again() -> None:
    with capture_logs() as logs:
        async with Crawl() as crawl:
            crawl.sink._room = 0
            waiting = asyncio.create_task(crawl.pipeline.process_item(ITEM))
            while not logs:
                await asyncio.sleep(0.001)
            crawl.sink._room = 1
            assert await waiting is ITEM


async def test_a_refused_item_is_an_error_of_the_item_and_of_the_crawl() -> None:
    crawl = Crawl()
    crawl.sink.refuses = lambda _key: True
    with pytest.raises(PublishError):
        await crawl.pipeline.process_item(ITEM)
    assert crawl.stats.get_value("yuqing/refused") == 1
    with pytest.raises(SourceError, match="1 items did not reach the broker; crawl again"):
        await crawl.pipeline.close_spider()


async def test_what_is_still_on_its_way_at_the_end_is_lost() -> None:
    crawl = Crawl()
    crawl.sink.away = True
    waiting = asyncio.create_task(crawl.pipeline.process_item(ITEM))
    while not crawl.sink._open:
        await asyncio.sleep(0.001)
    with pytest.raises(SourceError, match="1 items did not reach"):
        await crawl.pipeline.close_spider()
    waiting.cancel()


async def test_an_item_with_a_field_that_is_no_text_is_an_error_of_the_item_alone() -> None:
    async with Crawl() as crawl:
        with pytest.raises(FieldError, match="headline is a list"):
            await crawl.pipeline.process_item({"headline": ["x"]})


@pytest.mark.parametrize(
    ("settings", "source"),
    [({}, "scrapy"), ({"YUQING_SOURCE": "Harbour Post"}, "Harbour Post")],
)
def test_the_settings_of_the_crawler_are_read(settings: dict[str, Any], source: str) -> None:
    crawler = get_crawler(settings_dict={"YUQING_BOOTSTRAP": "127.0.0.1:9", **settings})
    crawler.stats = MemoryStatsCollector(crawler)
    assert KafkaPipeline.from_crawler(crawler)._source == source


def test_without_a_broker_the_setting_is_named() -> None:
    with pytest.raises(NotConfigured, match="set YUQING_BOOTSTRAP"):
        KafkaPipeline.from_crawler(get_crawler())
