"""Where documents come from: feeds, pushed requests, replayed files; crawlers bring their own process.

`build` makes a source from its kind and plain options, as an operator wrote them. Importing the package loads
no web server and no feed reader: each kind's module is loaded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec

from stream.sources.errors import SourceOptionsError
from stream.sources.source import Clock, Sink, Source

__all__ = ["KINDS", "Clock", "Sink", "Source", "build", "read_options"]

KINDS: Mapping[str, str] = {
    "rss": "stream.sources.rss",
    "http": "stream.sources.http_push",
    "replay": "stream.sources.replay",
}
"""Each kind and its module. A Scrapy crawl is a process of its own: see `stream.sources.scrapy_pipeline`."""


class _Kind(Protocol):
    """What a module of a kind offers: its options, and how to make the source from them."""

    Options: type[msgspec.Struct]
    build: Callable[..., Source]


def read_options(kind: str, options: Mapping[str, Any]) -> msgspec.Struct:
    """Checks the options of a source without making it, and fills in the defaults.

    Raises SourceOptionsError, which names the option, what was expected and what there is, for an unknown kind,
    an option that does not exist, a missing one or one of a wrong type or size.
    """
    wanted = _kind(kind).Options
    unknown = sorted(set(options) - set(wanted.__struct_fields__))
    if unknown:
        known = ", ".join(wanted.__struct_fields__)
        raise SourceOptionsError(f"a source of kind {kind} has no option {', '.join(unknown)}. There are: {known}.")
    try:
        return msgspec.convert(options, wanted, str_keys=True)
    except (msgspec.ValidationError, UnicodeError) as error:  # a setting in a variable may hold half an emoji
        raise SourceOptionsError(f"a source of kind {kind}: {error}.") from error


def build(
    kind: str, options: Mapping[str, Any] | msgspec.Struct, sink: Sink, *, name: str, state: Path, clock: Clock
) -> Source:
    """Makes the source `name`. `state` is a folder that outlives the process; it is created where a kind needs it.

    Raises SourceOptionsError as `read_options` does.
    """
    read = options if isinstance(options, msgspec.Struct) else read_options(kind, options)
    return _kind(kind).build(read, sink, name=name, state=state, clock=clock)


def _kind(kind: str) -> _Kind:
    if kind not in KINDS:
        raise SourceOptionsError(f"there is no source of kind {kind!r}. There are: {', '.join(KINDS)}.")
    return cast(_Kind, import_module(KINDS[kind]))
