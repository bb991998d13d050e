"""A Scrapy item pipeline that publishes to `documents.raw`: crawlers are how most of the text is got.

In the crawler's settings::

    ITEM_PIPELINES = {"stream.sources.scrapy_pipeline.KafkaPipeline": 900}
    YUQING_BOOTSTRAP = "127.0.0.1:9092"
    YUQING_TOPIC_PREFIX = ""                      # as in Yuqing's own settings
    YUQING_SOURCE = "example.com"                 # for items that name none; else the spider's name
    YUQING_FIELDS = {"title": ["headline"]}       # where items call their fields otherwise, see fields.py

An item has left the pipeline when the broker has it, so a slow broker slows the crawl, as Scrapy means it to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Self

import structlog
from itemadapter import ItemAdapter
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from stream.publisher import Publisher, PublishError, QueueFullError
from stream.sources.acknowledgement import BrokerWatch, polling, send_all
from stream.sources.errors import SourceError
from stream.sources.fields import FieldMap
from stream.sources.source import Clock, Sink
from stream.topics import Topics

__all__ = ["KafkaPipeline"]

_log = structlog.get_logger()

_SILENCE_S = 10.0
_LAST_FLUSH_S = 60.0


class KafkaPipeline:
    """Publishes every item and passes it on unchanged. Needs the asyncio reactor, which is Scrapy's default."""

    def __init__(
        self,
        sink: Sink,
        *,
        source: str,
        fields: Mapping[str, Sequence[str]],
        clock: Clock,
        stats: Any,
    ) -> None:
        """`source` is for items that name none. `stats` is the crawler's collector.

        Raises SourceOptionsError for a field that documents do not have.
        """
        self._sink = sink
        self._source = source
        self._fields = FieldMap(fields)
        self._clock = clock
        self._stats = stats
        self._broker = BrokerWatch(f"scrapy:{source}")
        self._open = self._lost = 0
        self._polling: AbstractContextManager[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Reads the crawler's settings. Raises NotConfigured, which names the setting, without a broker."""
        settings = crawler.settings
        bootstrap = settings.get("YUQING_BOOTSTRAP")
        if not bootstrap:
            raise NotConfigured('KafkaPipeline: set YUQING_BOOTSTRAP to the broker, such as "127.0.0.1:9092"')
        return cls(
            Publisher(bootstrap, Topics.prefixed(settings.get("YUQING_TOPIC_PREFIX", ""))),
            source=settings.get("YUQING_SOURCE") or (crawler.spider.name if crawler.spider else "scrapy"),
            fields=settings.getdict("YUQING_FIELDS"),
            clock=lambda: datetime.now(UTC),  # a crawl is a process of its own: here is its outermost edge
            stats=crawler.stats,
        )

    def open_spider(self) -> None:
        """Starts to listen for acknowledgements."""
        self._polling = polling(self._sink)
        self._polling.__enter__()

    async def process_item(self, item: Any) -> Any:
        """Returns the item when the broker has it, however long that takes.

        Raises FieldError for an item with a field that is no text, PublishError when the broker refuses it:
        Scrapy logs either with the item, and goes on.
        """
        document = self._fields.document(ItemAdapter(item).asdict(), source=self._source, fetched_at=self._clock())
        self._open += 1
        try:
            while True:
                try:
                    answer = asyncio.wrap_future(await asyncio.to_thread(send_all, self._sink, [document]))
                    break
                except QueueFullError as error:
                    self._broker.lost(error)
            while not (await asyncio.wait([answer], timeout=_SILENCE_S))[0]:
                self._broker.lost(PublishError(f"no acknowledgement for {_SILENCE_S:g} s"))
            answer.result()
        except PublishError:
            self._lost += 1
            self._stats.inc_value("yuqing/refused")
            raise
        finally:
            self._open -= 1
        self._broker.back()
        self._stats.inc_value("yuqing/published")
        return item

    async def close_spider(self) -> None:
        """Waits for what is on its way. Raises SourceError when items were lost, so that the crawl shows it."""
        unknown = await asyncio.to_thread(self._sink.flush, _LAST_FLUSH_S)
        if self._polling is not None:
            self._polling.__exit__(None, None, None)
        lost = self._lost + max(unknown, self._open)
        if lost:
            _log.error("crawled_items_lost", source=self._source, items=lost)
            raise SourceError(f"{lost} items did not reach the broker; crawl again, what did is recognised.")
