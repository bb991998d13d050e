"""A thread that gives way to whoever else wants the processor. Linux only; elsewhere it does nothing."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["give_way"]

_NICENESS: Final = 19
_SESSION = Path("/proc/self/autogroup")


def give_way(session: Path = _SESSION) -> None:
    """Makes the calling thread nice, and the whole session where this process leads it.

    A kernel that shares out processors by session (`sched_autogroup_enabled`, usual outside of containers) heeds a
    thread's niceness among threads of its session only, and each role has a session of its own.
    """
    with suppress(OSError):  # elsewhere than on Linux a thread has no priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            session.write_text(str(_NICENESS), encoding="ascii")
