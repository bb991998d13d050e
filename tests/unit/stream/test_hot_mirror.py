"""Redis comes and goes; once it is back, and at every start, it is brought up to what PostgreSQL holds."""

from __future__ import annotations

from typing import Any

import redis
from structlog.testing import capture_logs

from stream.hot_mirror import HotMirror


class Hot:
    def __init__(self) -> None:
        self.away = False
        self.forgot = False
        self.calls: list[str] = []

    def _answer(self, call: str) -> None:
        if self.away:
            raise redis.ConnectionError
        self.calls.append(call)

    def set(self, _rows: Any) -> None:
        self._answer("set")

    def rebuild(self, _engine: Any) -> int:
        self._answer("rebuild")
        self.forgot = False
        return 0

    def whole(self) -> bool:
        if self.away:
            raise redis.ConnectionError
        return not self.forgot


def mirror(hot: Hot) -> HotMirror:
    return HotMirror(hot, engine=None)  # type: ignore[arg-type]


def test_a_start_rebuilds_once() -> None:
    hot = Hot()
    ours = mirror(hot)
    ours.mend()
    ours.mend()
    assert hot.calls == ["rebuild"]


def test_a_redis_that_forgot_everything_is_filled_again() -> None:
    hot = Hot()
    ours = mirror(hot)
    ours.mend()
    hot.forgot = True
    ours.mend()
    ours.mend()
    assert hot.calls == ["rebuild", "rebuild"]


def test_rows_that_redis_missed_come_back_by_a_rebuild_and_the_loss_is_said_once() -> None:
    hot = Hot()
    ours = mirror(hot)
    ours.mend()
    hot.away = True
    with capture_logs() as logs:
        for _ in range(3):
            ours.set([])
            ours.mend()
        hot.away = False
        ours.mend()
        ours.set([])
    assert hot.calls == ["rebuild", "rebuild", "set"]
    assert [entry["event"] for entry in logs] == ["hot_windows_behind", "hot_windows_mended"]
