"""Parsers with the faults that a campaign must find, to test the fuzzer with."""

from __future__ import annotations

import os
from collections.abc import Mapping

from target import Target, promise

__all__ = ["load_faulty", "load_sound"]


def _raises(data: bytes) -> None:
    if data.count(b"7") > 2:
        int(data)


def _loops(data: bytes) -> None:
    while data.startswith(b"777"):
        pass


def _dies(data: bytes) -> None:
    if data.startswith(b"777"):
        os.abort()


def _hoards(data: bytes) -> None:
    if data.startswith(b"777"):
        bytearray(2 << 30)


def _breaks_its_promise(data: bytes) -> None:
    promise(not data.startswith(b"777"), "never three sevens")


_FAULTS = (_raises, _loops, _dies, _hoards, _breaks_its_promise)


def load_faulty() -> Mapping[str, Target]:
    """One target for each fault; each has inputs that it survives, and some that it refuses as documented."""
    return {
        fault.__name__.strip("_"): Target(
            fault.__name__.strip("_"), fault, (b"12", b"777 and more"), allowed=(OverflowError,), most_s=0.2
        )
        for fault in _FAULTS
    }


def load_sound() -> Mapping[str, Target]:
    """Targets without a fault."""
    return {name: Target(name, len, (b"12", b"345")) for name in ("first", "second")}
