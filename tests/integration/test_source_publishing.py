"""Sources and the real broker: what a source says is acknowledged is on disk, in order, once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import msgspec
import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from eventually import eventually

from stream.documents import RawDocument, document_id
from stream.publisher import Publisher
from stream.sources import build
from stream.sources.acknowledgement import polling, send_all
from stream.sources.http_push import Options, PushSource
from stream.sources.memory import MemorySink
from stream.sources.replay import Replay
from stream.sources.source import Sink
from stream.topics import Topics, offsets

pytestmark = pytest.mark.integration


def now() -> datetime:
    return datetime.now(UTC)


def records(bootstrap: str, topic: str) -> list[Message]:
    """Every record of a topic, partition after partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False})
    ends = {partition: end for partition, (_, end) in offsets(bootstrap, topic).items()}
    consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
    found: list[Message] = []
    while len(found) < sum(ends.values()):
        found += [record for record in consumer.consume(1000, 10) if record.error() is None]
    consumer.close()
    return sorted(found, key=lambda record: (record.partition(), record.offset()))


def documents(bootstrap: str, topics: Topics) -> list[RawDocument]:
    return [msgspec.json.decode(record.value(), type=RawDocument) for record in records(bootstrap, topics.raw)]


def lines(path: Path, count: int) -> Path:
    with path.open("w") as file:
        for number in range(count):
            file.write(json.dumps({"source": "Harbour Post", "link": f"u{number}", "title": f"Ferry {number}"}) + "\n")
    return path


@pytest.fixture(params=["memory", "kafka"])
def sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    """The fake that the unit tests use, and the real one: both must keep the same promise."""
    if request.param == "memory":
        yield MemorySink()
        return
    with Publisher(request.getfixturevalue("bootstrap"), request.getfixturevalue("topics")) as publisher:
        yield publisher


def test_a_batch_is_acknowledged_by_the_fake_as_by_the_real_one(sink: Sink) -> None:
    batch = [RawDocument(source="Harbour Post", guid=str(number), title="Ferry") for number in range(100)]
    future = send_all(sink, batch)
    assert not future.done()
    with polling(sink):
        assert future.result(timeout=30) is None
    assert sink.flush(10) == 0


def test_a_replay_keeps_the_order_of_the_file_within_each_partition(
    bootstrap: str, topics: Topics, tmp_path: Path
) -> None:
    path = lines(tmp_path / "news.jsonl", 3000)
    with path.open("ab") as file:
        file.write(b"{not json\n")
    with Publisher(bootstrap, topics) as publisher:
        report = Replay([path], publisher, state=tmp_path, clock=now).replay(threading.Event())
    assert (report.items, report.published, report.bad_lines) == (3001, 3001, 1)
    found = records(bootstrap, topics.raw)
    assert sum(record.value() == b"{not json" for record in found) == 1
    numbers: dict[int, list[int]] = {}
    for record in found:
        if record.key():
            read = msgspec.json.decode(record.value(), type=RawDocument)
            assert record.key() == str(document_id(read)).encode()
            numbers.setdefault(record.partition(), []).append(int(read.title.split()[1]))
    assert len(numbers) == 4
    assert all(part == sorted(part) for part in numbers.values())
    assert sorted(number for part in numbers.values() for number in part) == list(range(3000))


REPLAY = """
    import sys, threading
    from datetime import UTC, datetime
    from pathlib import Path
    from stream.publisher import Publisher
    from stream.sources.replay import Replay
    from stream.topics import Topics

    bootstrap, prefix, path, state = sys.argv[1:]
    with Publisher(bootstrap, Topics.prefixed(prefix)) as publisher:
        replay = Replay([Path(path)], publisher, state=Path(state), clock=lambda: datetime.now(UTC), speed=1)
        print("begun", flush=True)
        replay.replay(threading.Event())
"""


def test_a_replay_that_is_interrupted_goes_on_where_it_was(bootstrap: str, topics: Topics, tmp_path: Path) -> None:
    """Twenty items of one moment, and twenty an hour later; Ctrl-C in between; the second run brings the rest."""
    path = tmp_path / "news.jsonl"
    path.write_text(
        "".join(
            json.dumps(
                {"source": "s", "link": f"u{n}", "title": f"Ferry {n}", "published": f"2026-03-01T0{n // 20}:00:00Z"}
            )
            + "\n"
            for n in range(40)
        )
    )
    prefix = topics.raw.removesuffix(Topics.raw)
    arguments = [bootstrap, prefix, str(path), str(tmp_path / "state")]
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(REPLAY), *arguments], stderr=subprocess.PIPE)
    eventually(lambda: sum(end for _, end in offsets(bootstrap, topics.raw).values()) == 20)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert b"KeyboardInterrupt" in errors
    with Publisher(bootstrap, topics) as publisher:
        report = Replay([path], publisher, state=tmp_path / "state", clock=now).replay(threading.Event())
    assert (report.skipped, report.items) == (20, 20)
    assert sorted(int(each.title.split()[1]) for each in documents(bootstrap, topics)) == list(range(40))


def test_a_pushed_document_is_on_disk_when_it_is_acknowledged(bootstrap: str, topics: Topics) -> None:
    stop = threading.Event()
    with Publisher(bootstrap, topics) as publisher:
        source = PushSource(Options(token="0123456789abcdef", port=0), publisher, name="desk", clock=now)
        thread = threading.Thread(target=source.run, args=(stop,))
        thread.start()
        try:
            response = httpx.post(
                source.address + "/documents",
                json=[{"source": "Harbour Post", "title": f"Ferry {number}"} for number in range(50)],
                headers={"Authorization": "Bearer 0123456789abcdef"},
            )
            found = records(bootstrap, topics.raw)
        finally:
            stop.set()
            thread.join(timeout=30)
    assert response.status_code == 202
    assert {record.key().decode() for record in found} == set(response.json()["ids"])


def test_a_push_without_a_broker_is_told_to_come_again() -> None:
    stop = threading.Event()
    publisher = Publisher("127.0.0.1:9", Topics())
    source = PushSource(Options(token="0123456789abcdef", port=0, ack_timeout_s=0.5), publisher, name="desk", clock=now)
    thread = threading.Thread(target=source.run, args=(stop,))
    thread.start()
    try:
        response = httpx.post(
            source.address + "/documents",
            json={"source": "Harbour Post", "title": "Ferry"},
            headers={"Authorization": "Bearer 0123456789abcdef"},
        )
    finally:
        stop.set()
        thread.join(timeout=30)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "10"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A site on the loopback that serves a folder."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_feed_reaches_the_broker_and_is_asked_conditionally(
    site: tuple[str, Path], bootstrap: str, topics: Topics, tmp_path: Path
) -> None:
    address, folder = site
    (folder / "feed.xml").write_text(
        '<rss version="2.0"><channel><item><title>Ferry grows</title><guid>1</guid></item>'
        "<item><title>Rain falls</title><guid>2</guid></item></channel></rss>"
    )
    options = {"feeds": [{"url": f"{address}/feed.xml", "source": "Harbour Post"}], "host_delay_s": 0}
    for _ in range(2):  # a restart publishes nothing again
        stop = threading.Event()
        with Publisher(bootstrap, topics) as publisher:
            source = build("rss", options, publisher, name="wire", state=tmp_path / "state", clock=now)
            thread = threading.Thread(target=source.run, args=(stop,))
            thread.start()
            eventually(lambda: sum(end for _, end in offsets(bootstrap, topics.raw).values()) == 2)
            stop.set()
            thread.join(timeout=30)
    assert {each.title for each in documents(bootstrap, topics)} == {"Ferry grows", "Rain falls"}


SPIDER = """
    import scrapy


    class HarbourSpider(scrapy.Spider):
        name = "harbour"
        custom_settings = {
            "ITEM_PIPELINES": {"stream.sources.scrapy_pipeline.KafkaPipeline": 900},
            "YUQING_SOURCE": "Harbour Post",
            "YUQING_FIELDS": {"title": ["headline"]},
            "ROBOTSTXT_OBEY": True,
        }

        def parse(self, response):
            yield from response.follow_all(css="a.article", callback=self.parse_article)

        def parse_article(self, response):
            yield {
                "headline": response.css("h1::text").get(),
                "body": " ".join(response.css("p::text").getall()),
                "published_at": response.css("time::attr(datetime)").get(),
                "url": response.url,
                **({"language": ["not", "a", "text"]} if "broken" in response.url else {}),
            }
"""


def crawl(folder: Path, address: str, settings: Sequence[str]) -> subprocess.CompletedProcess[str]:
    spider = folder / "harbour_spider.py"
    spider.write_text(
        textwrap.dedent(SPIDER).replace('name = "harbour"', f'name = "harbour"\n    start_urls = ["{address}"]')
    )
    flags = [part for setting in settings for part in ("-s", setting)]
    command = [sys.executable, "-m", "scrapy", "runspider", str(spider), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def publish_articles(folder: Path, *names: str) -> None:
    links = "".join(f'<a class="article" href="/{name}.html">{name}</a>' for name in names)
    (folder / "index.html").write_text(f"<html><body>{links}</body></html>")
    for name in names:
        (folder / f"{name}.html").write_text(
            f'<html><body><h1>Ferry {name}</h1><time datetime="2026-03-01T08:00:00Z"></time>'
            "<p>Six ferries.</p><p>All new.</p></body></html>"
        )


def test_a_crawl_publishes_its_items(site: tuple[str, Path], bootstrap: str, topics: Topics, tmp_path: Path) -> None:
    address, folder = site
    publish_articles(folder, "one", "two", "three", "broken")
    prefix = topics.raw.removesuffix(Topics.raw)
    done = crawl(tmp_path, address, [f"YUQING_BOOTSTRAP={bootstrap}", f"YUQING_TOPIC_PREFIX={prefix}"])
    assert done.returncode == 0, done.stderr
    found = documents(bootstrap, topics)
    assert {each.title for each in found} == {"Ferry one", "Ferry two", "Ferry three"}
    assert {(each.source, each.body, each.published_at) for each in found} == {
        ("Harbour Post", "Six ferries. All new.", "2026-03-01T08:00:00Z")
    }
    assert all(each.fetched_at is not None for each in found)
    assert "'yuqing/published': 3" in done.stderr
    assert "language is a list, not a text" in done.stderr


def test_a_crawl_without_a_broker_in_its_settings_is_told_what_to_set(site: tuple[str, Path], tmp_path: Path) -> None:
    publish_articles(site[1], "one")
    done = crawl(tmp_path, site[0], [])
    assert "set YUQING_BOOTSTRAP to the broker" in done.stderr
