"""A file is replayed whole, in order, each line at least once, wherever it was stopped."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from source_doubles import NOON, HandClock, HandStop
from structlog.testing import capture_logs

from stream.publisher import PublishError
from stream.sources import file_pass, line_records
from stream.sources.errors import ReplayError, SourceOptionsError
from stream.sources.lines import LineFile
from stream.sources.memory import MemorySink
from stream.sources.progress import Progress
from stream.sources.replay import Options, Replay, ReplayReport, build


def line(number: int, **more: Any) -> bytes:
    return msgspec.json.encode({"source": "Harbour Post", "title": f"Ferry {number}", "link": f"u{number}", **more})


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def replay(path: Path, sink: MemorySink, stop: threading.Event | None = None, **more: Any) -> ReplayReport:
    clock = more.pop("clock", HandClock())
    return Replay([path], sink, state=path.parent / "state", clock=clock, **more).replay(stop or threading.Event())


def titles(sink: MemorySink) -> list[str]:
    return [document.title for document in sink.documents()]


class StopAfter(threading.Event):
    """Set when it was looked at so many times: a stop at any point of a run, without a second thread."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._looks = looks

    def is_set(self) -> bool:
        self._looks -= 1
        return self._looks < 0 or super().is_set()


def test_all_lines_go_out_in_order_and_are_counted(tmp_path: Path) -> None:
    sink = MemorySink()
    report = replay(write(tmp_path / "a.jsonl", *(line(n) for n in range(100))), sink)
    assert titles(sink) == [f"Ferry {n}" for n in range(100)]
    assert sink.documents()[0].fetched_at == NOON
    assert report == ReplayReport(items=100, published=100, skipped=0, bad_lines=0, seconds=0.0, finished=True)
    assert report.items_per_second == 0.0


def test_several_files_are_one_replay(tmp_path: Path) -> None:
    sink = MemorySink()
    first, second = write(tmp_path / "a.jsonl", line(1)), tmp_path / "b.jsonl.gz"
    second.write_bytes(gzip.compress(line(2)))
    report = Replay([first, second], sink, state=tmp_path, clock=HandClock()).replay(threading.Event())
    assert (titles(sink), report.items) == (["Ferry 1", "Ferry 2"], 2)


def test_a_line_that_names_no_source_gets_the_name_of_the_file(tmp_path: Path) -> None:
    sink = MemorySink()
    replay(write(tmp_path / "harbour.2026.jsonl", b'{"kop": "Regen"}'), sink, fields={"title": ["kop"]})
    assert [(each.source, each.title) for each in sink.documents()] == [("harbour", "Regen")]


BAD_LINES = {
    "no JSON": b"{title: Ferry}",
    "not UTF-8": b'{"title": "\xff\xfe"}',
    "an array": b'["Ferry"]',
    "a field that is no text": b'{"source": "s", "title": {"en": "Ferry"}}',
    "nested beyond reason": b"[" * 100_000,
    "half a surrogate": b'{"source": "s", "title": "\\ud800"}',
}


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_goes_out_as_it_is_for_the_dead_letters(bad: bytes, tmp_path: Path) -> None:
    sink = MemorySink()
    report = replay(write(tmp_path / "a.jsonl", line(1), bad, line(2)), sink)
    assert (report.items, report.published, report.bad_lines) == (3, 3, 1)
    assert sink.records[1].value == bad
    assert sink.records[1].key is None


def test_a_line_too_long_for_a_record_goes_out_cut_and_says_how_long_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_records, "LARGEST_LINE_BYTES", 1000)
    monkeypatch.setattr("stream.sources.replay.LARGEST_LINE_BYTES", 1000)
    sink = MemorySink()
    long = line(1, body="x" * 5000)
    report = replay(write(tmp_path / "a.jsonl", long, line(2)), sink)
    assert report.bad_lines == 1
    assert sink.records[0].headers == (("yuqing-cut-from-bytes", str(len(long)).encode()),)
    assert len(sink.records[0].value) == 1000
    assert b"Ferry 2" in sink.records[1].value


@settings(max_examples=60)
@given(stops=st.lists(st.integers(1, 60), max_size=5), batch=st.integers(1, 7))
def test_wherever_it_is_stopped_the_next_run_goes_on_and_nothing_is_missing(
    stops: list[int], batch: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("replay")
    path, sink = write(folder / "a.jsonl", *(line(n) for n in range(20))), MemorySink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_pass, "_OPEN_LINES", batch)
        reports = [replay(path, sink, StopAfter(looks)) for looks in stops]
        while not reports or not reports[-1].finished:
            reports.append(replay(path, sink))
    assert set(titles(sink)) == {f"Ferry {n}" for n in range(20)}
    # Nothing was on its way at any stop, so nothing went out twice within a replay.
    runs = [report.finished for report in reports].count(True)
    assert len(titles(sink)) == 20 * runs


def test_an_interrupt_leaves_a_checkpoint_behind_what_the_broker_has(tmp_path: Path) -> None:
    class Interrupted(MemorySink):
        def publish_record(self, *arguments: Any, **more: Any) -> None:
            if len(self.records) + len(self._open) == 7:
                raise KeyboardInterrupt
            super().publish_record(*arguments, **more)

    path, sink = write(tmp_path / "a.jsonl", *(line(n) for n in range(20))), Interrupted()
    with pytest.raises(KeyboardInterrupt):
        replay(path, sink)
    rest = MemorySink()
    report = replay(path, rest)
    assert (len(sink.records), report.skipped, report.items) == (7, 7, 13)
    assert titles(rest)[0] == "Ferry 7"


def test_what_the_broker_never_acknowledged_is_published_again(tmp_path: Path) -> None:
    path, sink = write(tmp_path / "a.jsonl", *(line(n) for n in range(5))), MemorySink()
    sink.away = True
    with capture_logs() as logs:
        report = replay(path, sink, StopAfter(40))
    assert (report.published, report.finished) == (0, False)
    assert "replay_left_unacknowledged" in [entry["event"] for entry in logs]
    again = MemorySink()
    assert replay(path, again).published == 5


def test_restart_begins_anew(tmp_path: Path) -> None:
    path, sink = write(tmp_path / "a.jsonl", *(line(n) for n in range(20))), MemorySink()
    assert not replay(path, sink, StopAfter(9)).finished
    report = replay(path, sink, restart=True)
    assert (report.items, report.skipped) == (20, 0)


def test_a_finished_file_is_replayed_again_when_asked_and_not_by_the_daemon(tmp_path: Path) -> None:
    path, sink = write(tmp_path / "a.jsonl", line(1)), MemorySink()
    source = build(Options(files=(str(path),)), sink, name="old news", state=tmp_path, clock=HandClock())
    for _ in range(3):
        source.run(threading.Event())
    assert len(sink.records) == 1
    assert Replay([path], sink, state=tmp_path, clock=HandClock()).replay(threading.Event()).items == 1
    assert len(sink.records) == 2


def test_a_file_that_grew_is_another_file(tmp_path: Path) -> None:
    path, sink = write(tmp_path / "a.jsonl", line(1)), MemorySink()
    replay(path, sink)
    write(path, line(1), line(2))
    assert replay(path, sink).items == 2


def test_a_damaged_file_keeps_what_was_read(tmp_path: Path) -> None:
    path, sink = tmp_path / "a.jsonl.gz", MemorySink()
    path.write_bytes(gzip.compress(b"\n".join(line(n) for n in range(2000)))[:-20])
    with pytest.raises(ReplayError, match="damaged after line"):
        replay(path, sink)
    assert len(sink.records) > 0
    with pytest.raises(ReplayError):
        replay(path, sink)
    assert len(titles(sink)) == len(set(titles(sink)))


@pytest.mark.parametrize("at_once", [True, False])
def test_a_line_that_the_broker_refuses_ends_the_replay_before_it(at_once: bool, tmp_path: Path) -> None:
    path, sink = write(tmp_path / "a.jsonl", line(1), b"bad", line(3)), MemorySink(room=1 if at_once else 100)
    sink.refuses = lambda key: key is None
    with pytest.raises(ReplayError, match="line 2 or soon after is refused: the broker refuses this record"):
        replay(path, sink)
    sink.refuses = lambda key: False
    assert replay(path, sink).skipped == 1


def test_a_line_that_the_producer_refuses_at_once_ends_the_replay_too(tmp_path: Path) -> None:
    class Refusing(MemorySink):
        def publish_record(self, key: bytes | None, *arguments: Any, **more: Any) -> None:
            if key is None:
                raise PublishError("too large")
            super().publish_record(key, *arguments, **more)

    path, sink = write(tmp_path / "a.jsonl", line(1), b"bad", line(3)), Refusing()
    with pytest.raises(ReplayError, match="refused: too large"):
        replay(path, sink)
    assert replay(path, MemorySink()).skipped == 1


def test_a_broker_that_is_away_is_waited_for_and_said_once(tmp_path: Path) -> None:
    """The queue has room for two. The broker is away at first, and back after the clock has moved a minute."""
    clock = HandClock()

    class Away(MemorySink):
        def poll(self, timeout_s: float = 0.0) -> None:
            clock.advance(timeout_s)
            self.away = (clock() - NOON).total_seconds() < 60
            super().poll()

    path, sink = write(tmp_path / "a.jsonl", *(line(n) for n in range(5))), Away()
    sink.away = True
    with capture_logs() as logs, pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_pass, "_OPEN_LINES", 2)
        report = replay(path, sink, clock=clock)
    assert [entry["event"] for entry in logs] == ["broker_unreachable", "broker_reachable"]
    assert (report.published, report.finished) == (5, True)
    assert titles(sink) == [f"Ferry {n}" for n in range(5)]


def test_a_full_queue_is_tried_again(tmp_path: Path) -> None:
    class Filling(MemorySink):
        tries = 0

        def publish_record(self, *arguments: Any, **more: Any) -> None:
            self.tries += 1
            self.away = self.tries % 3 != 0
            super().publish_record(*arguments, **more)

    path, sink = write(tmp_path / "a.jsonl", *(line(n) for n in range(5))), Filling(room=1)
    with capture_logs() as logs:
        assert replay(path, sink, StopAfter(1000)).items == 5
    assert sink.tries > 5
    assert logs[0]["event"] == "broker_unreachable"


def test_a_stop_during_a_full_queue_forgets_the_line_in_hand(tmp_path: Path) -> None:
    path, sink = write(tmp_path / "a.jsonl", line(1), line(2)), MemorySink(room=0)
    report = replay(path, sink, StopAfter(10))
    assert (report.items, report.published, report.finished) == (0, 0, False)


def test_speed_follows_the_times_of_the_lines_whatever_their_notation(tmp_path: Path) -> None:
    clock = HandClock()
    path, sink = tmp_path / "a.jsonl", MemorySink()
    write(
        path,
        line(1, published="2026-01-05 09:00:00  +0800"),
        line(2, published="Mon, 05 Jan 2026 01:30:00 GMT"),
        line(3, published="nonsense"),
        line(4, published="2026-01-05T02:00:00Z"),
    )
    report = replay(path, sink, HandStop(clock), clock=clock, speed=60)
    assert report.seconds == pytest.approx(60)
    assert report.items_per_second == pytest.approx(4 / 60)
    assert [(each.fetched_at - NOON).total_seconds() for each in sink.documents()] == pytest.approx([0, 0, 30, 30])


def test_a_wrong_field_is_said_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SourceOptionsError, match="no field heading"):
        replay(write(tmp_path / "a.jsonl", line(1)), MemorySink(), fields={"heading": ["h"]})


@pytest.mark.parametrize(("terminal", "drawn"), [(True, True), (False, False)])
def test_progress_is_drawn_where_a_human_looks(terminal: bool, drawn: bool, tmp_path: Path) -> None:
    file = LineFile(write(tmp_path / "a.jsonl", line(1)), max_line_bytes=1000)
    out = io.StringIO()
    with Progress("a.jsonl", file, shown=True, console=Console(file=out, force_terminal=terminal)) as progress:
        for _ in range(1000):
            progress.advance("2026-03-01T08:00:00Z")
    assert ("1,000 items 2026-03-01T08:00" in out.getvalue()) == drawn


def test_checkpoints_are_kept_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_pass, "_SAVE_EVERY", 3)
    saved: list[int] = []
    save: Callable[..., None] = file_pass.CheckpointFile.save

    def noting(self: Any, line: int, **more: Any) -> None:
        saved.append(line)
        save(self, line, **more)

    monkeypatch.setattr(file_pass.CheckpointFile, "save", noting)
    monkeypatch.setattr(file_pass, "_OPEN_LINES", 1)
    replay(write(tmp_path / "a.jsonl", *(line(n) for n in range(10))), MemorySink())
    assert saved == sorted(saved)
    assert len(saved) >= 3
