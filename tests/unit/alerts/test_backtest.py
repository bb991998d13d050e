"""`yuqing backtest`: files of counts in, scores, alarms and pictures out."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from count_worlds import SLOTS, Event, add_event, calm

from alerts.detection.backtest import Backtest
from alerts.detection.backtest_plots import draw
from alerts.detection.count_files import read_counts
from alerts.errors import CountsFileError
from deploy.cli import main

START = datetime(2024, 3, 4, 21, 42, 53, tzinfo=UTC)
SURGE = 25 * SLOTS


@pytest.fixture(scope="module")
def counts_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(7)
    counts = add_event(random, calm(random, 30, 20, 0.3), Event(SURGE, 8))
    path = tmp_path_factory.mktemp("counts") / "acme.csv"
    lines = [f"{START + timedelta(minutes=5 * i):%Y-%m-%d %H:%M:%S},{int(value)}\n" for i, value in enumerate(counts)]
    path.write_text("timestamp,value\n" + "".join(lines), encoding="utf-8")
    return path


def test_the_surge_is_the_one_alarm_and_each_row_has_a_score(
    counts_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = tmp_path / "scores.csv"
    assert main(["backtest", str(counts_csv), "--scores", str(scores), "--false-alarms", "0.2", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (alarm,) = answer["alarms"]
    begins = START + timedelta(minutes=5 * SURGE)
    assert begins <= datetime.fromisoformat(alarm["at"]) <= begins + timedelta(minutes=30)
    assert alarm["observed"] > 5 * alarm["expected"]
    given, written = (list(csv.DictReader(path.open())) for path in (counts_csv, scores))
    assert [(row["timestamp"], row["value"]) for row in written] == [(row["timestamp"], row["value"]) for row in given]
    values = [float(row["anomaly_score"]) for row in written]
    assert 0 <= min(values) <= max(values) < 1
    assert abs(int(np.argmax(values)) - SURGE) < SLOTS


def test_scores_of_a_file_that_was_cut_short_are_the_same(counts_csv: Path, tmp_path: Path) -> None:
    lines = counts_csv.read_text().splitlines()
    whole = Backtest().run(read_counts(counts_csv)).scores
    for rows in (100, 9 * SLOTS, SURGE + 3):
        short = tmp_path / "short.csv"
        short.write_text("\n".join(lines[: rows + 1]))
        assert Backtest().run(read_counts(short)).scores == whole[:rows]


def test_alarms_are_printed_for_eyes(counts_csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", str(counts_csv)]) == 0
    out = capsys.readouterr().out
    assert "8,640 rows of 5 minutes, 2024-03-04 21:42 to 2024-04-03" in out
    assert "2024-03-29 2" in out


def test_it_is_drawn_with_band_and_alarms(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    counts = add_event(random, calm(random, 12, 20, 0.3), Event(10 * SLOTS, 30))
    path = tmp_path / "acme.csv"
    hours = counts.reshape(-1, 12).sum(axis=1)
    path.write_text(
        "timestamp,value\n" + "".join(f"{START + timedelta(hours=i)},{int(each)}\n" for i, each in enumerate(hours))
    )
    result = Backtest(false_alarms_a_month=0.5).run(read_counts(path))
    draw(result, "<acme>", tmp_path / "acme.png")
    draw(result, "<acme>", tmp_path / "acme.html")
    assert (tmp_path / "acme.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "acme.html").read_text(encoding="utf-8")
    assert "&lt;acme&gt;" in page
    assert "<svg" in page
    assert page.count("</td></tr>") == len(result.alarms) == 1


def test_rows_may_be_missing_late_or_of_another_step(tmp_path: Path) -> None:
    path = tmp_path / "hours.csv"
    stamps = ["2024-03-01T00:00:00Z", "2024-03-01T01:00:00+00:00", "2024-03-01T01:59:00", "2024-03-01 05:01"]
    path.write_text("note,timestamp,value\n" + "".join(f"x,{stamp},{i}\n" for i, stamp in enumerate(stamps)))
    file = read_counts(path)
    assert file.counts.step_min == 60
    assert file.places == (0, 1, 2, 5)
    np.testing.assert_array_equal(file.counts.values[0], [0, 1, 2, np.nan, np.nan, 3])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,count\n1,2\n", r"line 1: no column timestamp and value"),
        ("timestamp,value\n2024-01-01,1\n", "fewer than two rows"),
        ("timestamp,value\n2024-01-01,1\nyesterday,2\n", r"line 3: 'yesterday' is not a time"),
        ("timestamp,value\n2024-01-01,1\n2024-01-02,-1\n", r"line 3: '-1' is not a count"),
        ("timestamp,value\n2024-01-02,1\n2024-01-01,1\n", r"line 3: 2024-01-01 is before the row above it"),
        ("timestamp,value\n2024-01-01,1\n2024-01-08,1\n", "the rows are 604800 s apart"),
        ("timestamp,value\n2024-01-01,1\n2024-01-02,\udcff\n", "this is not UTF-8"),
        ('timestamp,value\n2024-01-01,"1\n' + "2024-01-02,2\n" * 20_000, "field larger than field limit"),
        ("timestamp,value\n0001-01-01T00:00+23:59,1\n2024-01-02,1\n", "line 2: '0001-01-01T00:00.23:59' is not a time"),
        (
            "timestamp,value\n" + "".join(f"2024-01-01T00:{n:02}:00,1\n" for n in range(60)) + "9999-01-01,1\n",
            "line 62: .* steps after the first row: mend its time",
        ),
    ],
)
def test_what_cannot_be_judged_is_told_with_its_line_and_the_fix(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(CountsFileError, match=said):
        read_counts(path)


COUNTS = Path(__file__).parents[4] / "shared" / "data" / "counts"


@pytest.mark.data
@pytest.mark.skipif(not COUNTS.is_dir(), reason="no ../shared/data/counts")
def test_the_benchmark_of_real_tweets_is_won(tmp_path: Path) -> None:
    """By NAB's scoring rules, against the best of its well-behaved entries, CAD-OSE: 76.4, 75.8 and 78.4."""
    for path in COUNTS.glob("tweets_*.csv"):
        assert main(["backtest", str(path), "--scores", str(tmp_path / path.name)]) == 0
    scorer = COUNTS.parents[1] / "tools" / "nab_score.py"
    command = [sys.executable, str(scorer), str(COUNTS), str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    standard, low_fp, low_fn = map(float, re.findall(r"\d+\.\d", said))
    assert (standard >= 76.4, low_fp >= 75.8, low_fn >= 78.4) == (True, True, True), said


@pytest.mark.parametrize(
    ("words", "said"),
    [("none.csv", "none.csv: No such file"), ("none.csv --false-alarms 0", "give a number above 0")],
)
def test_wrong_use_is_exit_code_2(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", *words.split()]) == 2
    assert said in capsys.readouterr().err
