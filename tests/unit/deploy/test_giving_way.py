"""What gives way is nice itself, and so is the session that its process leads, on a kernel that asks sessions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

AUTOGROUP = Path("/proc/self/autogroup")

SCRIPT = """
import os, threading
from pathlib import Path
from deploy.giving_way import give_way

def niceness():
    return os.getpriority(os.PRIO_PROCESS, 0)

before, seen = niceness(), []
thread = threading.Thread(target=lambda: (give_way(), seen.append(niceness())))
thread.start()
thread.join()
session = Path("/proc/self/autogroup")
print(seen[0], niceness() - before, session.read_text().split()[-1] if session.exists() else "")
"""


def told(*, leads: bool) -> list[str]:
    argv = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(argv, start_new_session=leads, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a priority of their own on Linux only")
def test_only_the_thread_that_asks_for_it_is_nice() -> None:
    assert told(leads=True)[:2] == ["19", "0"]


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not share out processors by session")
def test_a_session_gives_way_where_its_leader_asks_and_nobody_else_s_does() -> None:
    assert told(leads=True)[2] == "19"
    assert told(leads=False)[2] == AUTOGROUP.read_text().split()[-1]
