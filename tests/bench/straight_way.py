"""The straight way to do it, as a process: `straight_way.py 110m|own SETTINGS`, SETTINGS being a JSON object.

What a competent person would write today: a consumer loop over the raw topic, `transformers`' pipeline in fp32 at batch
32, rows inserted through SQLAlchemy, one commit a batch, then the offsets. No watch list, no stories, no trends, no
guard against double counting: it has far less to do than what it is compared with. Its model is an encoder of the size
of BERT-base, as FinBERT is (random weights, which change no timing), or our own English one in fp32.

On stdout, after each batch, a JSON line: a monotonic time and the documents done so far.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer
from reference_models import BATCH, usual_pipeline
from sqlalchemy import Column, Float, MetaData, String, Table, Text, create_engine, insert

from stream.intake import joined

_rows = Table(
    "straight_rows",
    MetaData(),
    Column("guid", String, primary_key=True),
    Column("source", Text),
    Column("url", Text),
    Column("title", Text),
    Column("body", Text),
    Column("published_at", Text),
    Column("label", String),
    Column("score", Float),
)


def main(model: str, settings: dict[str, Any]) -> None:
    """Reads `documents` records of `topic` and stores a row for each."""
    classify = usual_pipeline(model)
    engine = create_engine(settings["database"])
    _rows.metadata.create_all(engine)
    consumer = Consumer(
        {
            "bootstrap.servers": settings["kafka"],
            "group.id": settings["group"],
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([settings["topic"]])
    done = 0
    for batch in _batches(consumer, settings["documents"]):
        documents = [json.loads(value) for value in batch]
        answers = classify([joined(one.get("title", ""), one.get("body", "")) for one in documents])
        with engine.begin() as connection:
            connection.execute(insert(_rows), [_row(*pair) for pair in zip(documents, answers, strict=True)])
        consumer.commit(asynchronous=False)
        done += len(batch)
        print(json.dumps({"at": time.monotonic(), "done": done}), flush=True)
    consumer.close()


def _batches(consumer: Consumer, wanted: int) -> Iterator[list[bytes]]:
    while wanted > 0:
        messages = consumer.consume(min(BATCH, wanted), timeout=10)
        values = [value for message in messages if message.error() is None and (value := message.value())]
        if not values:
            raise TimeoutError("the topic holds fewer records than were asked for")
        wanted -= len(values)
        yield values


def _row(one: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    columns = ("guid", "source", "url", "title", "body", "published_at")
    return {name: one.get(name, "") for name in columns} | {"label": answer["label"], "score": answer["score"]}


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
