"""What intake costs, stage by stage: `python tests/bench/bench_intake.py [FILE.jsonl.gz] [ROWS]`.

Reads feed items in the fields of crawled archives (title, description or summary, link, date), makes raw records of
them and times each stage on its own, then the whole, then novelty against a real Redis.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis

from deploy.embedded.ports import remembered_ports
from deploy.embedded.redis import EmbeddedRedis
from stream.cleaning import plain_text
from stream.decoding import decode
from stream.documents import RawDocument, document_id, encode
from stream.entities import EntityLinker
from stream.intake import Intake, RawRecord
from stream.language import detect
from stream.limits import Limits
from stream.novelty import StoryIndex, StoryItem
from stream.signatures import signature
from stream.times import believable
from stream.watchlist import load

ARRIVED = datetime(2026, 1, 1, tzinfo=UTC)


def raw(row: dict[str, Any]) -> bytes:
    return encode(
        RawDocument(
            source=row.get("source") or "unnamed",
            url=row.get("link") or "",
            title=row.get("title") or "",
            body=row.get("description") or row.get("summary") or "",
            published_at=row.get("date_published") or row.get("published") or "",
        )
    )


def timed(name: str, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    function(items[0])
    start = time.process_time()  # not the wall clock: other work on the machine does not count
    results = [function(item) for item in items]
    micros = (time.process_time() - start) / len(items) * 1e6
    print(f"{name:22s} {micros:8.1f} us/document")
    return results


def bench_novelty(items: Sequence[StoryItem]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        port = remembered_ports(Path(folder) / "ports.json", ("redis",))["redis"]
        server = EmbeddedRedis(Path(folder), port=port, secret="bench")
        server.start()
        try:
            client = redis.Redis.from_url(server.url)
            before = client.info("memory")["used_memory"]
            index = StoryIndex(client)
            start = time.perf_counter()
            places = [place for at in range(0, len(items), 200) for place in index.place(items[at : at + 200])]
            micros = (time.perf_counter() - start) / len(items) * 1e6
            used = (client.info("memory")["used_memory"] - before) / len(items)
            reprints = sum(place.novelty == "reprint" for place in places)
            print(f"{'novelty (place)':22s} {micros:8.1f} us/document, {used:.0f} bytes of Redis, {reprints} reprints")
        finally:
            server.process.stop()


def main(path: str, rows: int) -> None:
    with gzip.open(path) as lines:
        values = [raw(json.loads(line)) for line, _ in zip(lines, range(rows), strict=False)]
    limits, linker = Limits(), EntityLinker(load())
    print(f"{len(values)} records, {sum(map(len, values)) / len(values):.0f} bytes each")
    documents = timed("decode", lambda value: decode(value, limits=limits)[0], values)
    timed("identify", document_id, documents)
    texts = timed("clean", lambda d: f"{plain_text(d.title)[0]}. {plain_text(d.body)[0]}", documents)
    timed("time", lambda d: believable(d.published_at, None, ARRIVED, limits), documents)
    timed("language", detect, texts)
    timed("link", linker.link, texts)
    intake = Intake(linker, limits)
    records = [
        RawRecord(topic="documents.raw", partition=0, offset=n, key=None, value=value, arrived_at=ARRIVED)
        for n, value in enumerate(values)
    ]
    read = timed("intake, whole", intake.read, records)
    timed("signature", signature, texts)
    bench_novelty([StoryItem(document_id=r.document_id, text=r.text, published_at=r.published_at) for r in read])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5_000)
