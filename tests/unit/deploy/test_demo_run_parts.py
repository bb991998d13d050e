"""The parts of a run that need no service: feeding, watching, its settings, its terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.feed import FeedError, feed
from deploy.demo.items import Item
from deploy.demo.performance import live_pace
from deploy.demo.stage import Stage, write_settings
from deploy.demo.terminal import logs_into
from deploy.embedded import StackAddresses
from deploy.settings import load_settings

NOW = datetime(2026, 5, 6, 14, 30, tzinfo=UTC)
ITEMS = [Item(NOW, str(number).encode(), "stored", key=b"k", headers=(("h", b"v"),)) for number in range(5)]


class Log:
    """A publisher that keeps what it is given; `refuse` are the values that the broker does not take."""

    def __init__(self, refuse: tuple[bytes, ...] = (), silent: int = 0) -> None:
        self.records: list[tuple[bytes | None, bytes | None, Any]] = []
        self._refuse, self._silent = refuse, silent

    def publish_record(
        self,
        key: bytes | None,
        value: bytes | None,
        *,
        headers: tuple[tuple[str, bytes], ...],
        on_ack: Callable[[Exception | None], None],
    ) -> None:
        self.records.append((key, value, headers))
        on_ack(RuntimeError("too large") if value in self._refuse else None)

    def flush(self) -> int:
        return self._silent


class Pause(threading.Event):
    """An event whose waiting moves a clock instead of taking time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.is_set()


def test_items_are_published_in_order_as_they_are() -> None:
    log, told = Log(), []
    assert feed(log, ITEMS, stop=threading.Event(), on_sent=told.append) == 5  # type: ignore[arg-type]
    assert [value for _, value, _ in log.records] == [b"0", b"1", b"2", b"3", b"4"]
    assert log.records[0] == (b"k", b"0", (("h", b"v"),))
    assert told == [1, 2, 3, 4, 5]


def test_at_a_pace_each_item_waits_for_its_moment() -> None:
    pause, sent_at = Pause(), []
    feed(
        Log(),  # type: ignore[arg-type]
        ITEMS,
        stop=pause,
        per_second=10,
        clock=lambda: pause.now,
        on_sent=lambda _: sent_at.append(round(pause.now, 3)),
    )
    assert sent_at == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_feeding_ends_when_told_to() -> None:
    stop, log = threading.Event(), Log()
    assert feed(log, ITEMS, stop=stop, on_sent=lambda sent: stop.set() if sent == 2 else None) == 2  # type: ignore[arg-type]


def test_a_record_that_the_broker_does_not_take_is_an_error() -> None:
    with pytest.raises(FeedError, match="1 of 5 records were not acknowledged: too large"):
        feed(Log(refuse=(b"3",)), ITEMS, stop=threading.Event())  # type: ignore[arg-type]
    with pytest.raises(FeedError, match="2 of 5 records were not acknowledged: no answer"):
        feed(Log(silent=2), ITEMS, stop=threading.Event())  # type: ignore[arg-type]


def test_the_settings_of_a_run_are_its_own_and_only_its_owner_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stage = Stage(
        "k3x9",
        StackAddresses(
            "127.0.0.1:9092", "postgresql://yuqing:pw@127.0.0.1:5432/yuqing", "redis://:pw@127.0.0.1:6379/0"
        ),
    )
    folder = tmp_path / 'a folder with "quotes" and 中文'
    file = write_settings(stage, folder, webhook_url="http://127.0.0.1:1/x", webhook_secret="c2VjcmV0c2VjcmV0")
    settings = load_settings(file)
    assert settings.kafka.topic_prefix == "demo-k3x9."
    assert settings.kafka.group == "demo-k3x9"
    assert settings.database.url.get_secret_value().endswith("pw@127.0.0.1:5432/demo-k3x9")
    assert settings.redis.prefix == "demo-k3x9:"
    assert settings.embedded is False
    assert settings.webhooks[0].allow_private is True
    assert settings.state_folder.is_relative_to(folder)
    assert "DEMO:HRBL" in settings.intake.watchlists[0].read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o077 == 0


def test_logs_of_this_process_and_its_children_go_to_the_file_and_the_terminal_stays_clean(tmp_path: Path) -> None:
    program = (
        "import os, subprocess, sys; from pathlib import Path; from deploy.demo.terminal import logs_into\n"
        f"with logs_into(Path({str(tmp_path / 'run' / 'log')!r})) as terminal:\n"
        "    print('ours', file=sys.stderr)\n"
        "    subprocess.run([sys.executable, '-c', 'import sys; print(\"a child\", file=sys.stderr)'])\n"
        "    print('for people', file=terminal)\n"
        "print('afterwards', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, env={**os.environ}, check=True
    )
    assert done.stderr.splitlines() == ["for people", "afterwards"]
    assert sorted((tmp_path / "run" / "log").read_text().splitlines()) == ["a child", "ours"]


def test_the_terminal_is_given_back_in_this_process_too(tmp_path: Path) -> None:
    before = os.fstat(2)
    with logs_into(tmp_path / "log"):
        os.write(2, b"kept\n")
    assert (tmp_path / "log").read_bytes() == b"kept\n"
    assert os.path.samestat(os.fstat(2), before)


def test_the_live_pace_is_half_of_what_the_machine_can_do_within_bounds() -> None:
    assert live_pace(1_000, 25.0) == 20.0
    assert live_pace(1_000, 5.0) == 30.0
    assert live_pace(1_000, 500.0) == 6.0
    assert live_pace(0, 0.0) == 6.0
