"""A scorer or a windows worker as a process of its own, for tests that kill it: `worker.py ROLE DEATH SETTINGS`.

DEATH says where it kills itself, as SIGKILL would: `never`; for the scorer `before_produce`, `after_produce`; for the
windows `before_commit`, `after_commit`. It does so the third time it comes to that place.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from keyword_classifier import KeywordClassifier
from pipeline import Pipeline

from storage.connection import connect
from stream.topics import Topics
from stream.windows import run

_TIMES = 3


def dying(call: Callable[..., Any], *, before: bool) -> Callable[..., Any]:
    """The same call, but the process dies before or after the third time that it is given something to do."""
    left = _TIMES

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1 if args[-1] or args[0] else 0
        if before and not left:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = call(*args, **kwargs)
        if not before and not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return wrapped


def main(role: str, death: str, settings: dict[str, str]) -> None:
    pipeline = Pipeline(
        settings["bootstrap"],
        Topics.prefixed(settings["prefix"]),
        connect(settings["database"]),
        redis.Redis.from_url(settings["redis"]),
        Path(settings["folder"]),
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if role == "scorer":
        classifier = KeywordClassifier()
        if death == "before_produce":
            classifier.predict_tokens = dying(classifier.predict_tokens, before=True)  # type: ignore[method-assign]
        if death == "after_produce":
            from stream.outcomes import Outcomes

            Outcomes._done = dying(Outcomes._done, before=True)  # type: ignore[method-assign]
        pipeline.scorer(classifier).run(stop)
    else:
        if death != "never":
            from storage.ingest import Ingest

            Ingest.scored = dying(Ingest.scored, before=death == "before_commit")  # type: ignore[method-assign]
        run(pipeline.app(batch_size=100), stop)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
