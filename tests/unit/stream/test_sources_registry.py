"""Sources are made from what an operator wrote, and mistakes in it are named with their fix."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from source_doubles import HandClock

from stream.sources import KINDS, build, read_options
from stream.sources.errors import SourceOptionsError
from stream.sources.memory import MemorySink

GOOD: dict[str, dict[str, Any]] = {
    "rss": {"feeds": [{"url": "https://harbour.example/feed"}]},
    "http": {"token": "0123456789abcdef", "port": 0},
    "replay": {"files": ["news.jsonl"], "speed": 60},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_made_from_plain_options_and_from_read_ones(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "news.jsonl").write_text("{}\n")
    for options in (GOOD[kind], read_options(kind, GOOD[kind])):
        source = build(kind, options, MemorySink(), name="desk", state=tmp_path, clock=HandClock())
        assert source.name == "desk"


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("ftp", {}, "no source of kind 'ftp'. There are: rss, http, replay"),
        ("rss", {"feed": []}, "kind rss has no option feed. There are: feeds, poll_s"),
        ("rss", {}, "kind rss: .*missing required field `feeds`"),
        ("rss", {"feeds": [{"url": "file:///x"}]}, r"kind rss: .*\$.feeds\[0\].url"),
        ("rss", {"feeds": [{"url": "https://x", "name": "y"}]}, "unknown field `name`"),
        ("rss", {"feeds": [{"url": "https://x"}], "poll_s": 1}, r">= 10.*\$.poll_s"),
        ("http", {"token": "short"}, r"length >= 16.*\$.token"),
        ("replay", {"files": []}, r"length >= 1.*\$.files"),
        ("rss", {"feeds": [{"url": "https://x", "\ud800": 1}]}, "surrogates not allowed"),
        ("replay", {"files": ["a"], "speed": 0}, r"> 0.*\$.speed"),
    ],
)
def test_a_mistake_is_named(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceOptionsError, match=message):
        read_options(kind, options)


def test_importing_the_package_loads_no_server_and_no_feed_reader() -> None:
    code = "import sys, stream.sources; print({'fastapi', 'feedparser', 'httpx', 'scrapy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
