"""Matchers as Alertmanager has them: label, operator, value; all of a list must hold.

`=` and `!=` compare, `=~` and `!~` match the whole value against a regular expression, and a label that an alert
does not have counts as empty. Our labels may have several values (an alert's groups, its topics): `=` and `=~` hold
where any value does, `!=` and `!~` where none does. The syntax is RE2's, as Alertmanager's is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal, cast

import structlog

from alerts.errors import MatcherError
from alerts.patterns import PatternError, compiled

__all__ = [
    "LABELS",
    "Labels",
    "Matcher",
    "RefusedMatcher",
    "as_json",
    "from_json",
    "matches",
    "parse",
    "refused",
    "wide",
]

_log = structlog.get_logger()

Labels = Mapping[str, Sequence[str]]
"""By label, its values; a label that is absent has none."""

LABELS: Final = ("alert", "entity", "name", "group", "topic", "detector", "severity")

_OPERATORS: Final = ("=~", "!~", "!=", "=")
_FORM = re.compile(r"\s*([a-z_]+)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_MOST_CHARS = 300
"""A value longer than this is a mistake."""

Operator = Literal["=", "!=", "=~", "!~"]


@dataclass(frozen=True)
class Matcher:
    """One condition. Raises MatcherError for an unknown label or operator, or what is no regular expression."""

    label: str
    operator: Operator
    value: str
    _pattern: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.label not in LABELS:
            raise MatcherError(str(self), f"there is no label {self.label!r}; there are {', '.join(LABELS)}")
        if self.operator not in _OPERATORS:
            raise MatcherError(str(self), f"there is no operator {self.operator!r}; there are {' '.join(_OPERATORS)}")
        if len(self.value) > _MOST_CHARS:
            raise MatcherError(f"{self.label}{self.operator}…", f"write it with at most {_MOST_CHARS} characters")
        try:
            pattern = compiled(self.value) if self.operator in ("=~", "!~") else None
        except PatternError as error:
            raise MatcherError(str(self), f"mend the regular expression: {error}") from error
        object.__setattr__(self, "_pattern", pattern)

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.label}{self.operator}"{escaped}"'

    def holds(self, labels: Labels) -> bool:
        """Whether an alert with these labels fulfils it."""
        values = labels.get(self.label) or ("",)
        found = any(self._pattern.fullmatch(value) for value in values) if self._pattern else self.value in values
        return found if self.operator in ("=", "=~") else not found


@dataclass(frozen=True)
class RefusedMatcher(Matcher):
    """A stored one that cannot be run, as one of an earlier version may be: it holds for nothing; `why` says more."""

    why: str

    def __post_init__(self) -> None:
        _say(self.why)

    def __str__(self) -> str:
        return f"{super().__str__()} (cannot be run: matches nothing)"

    def holds(self, labels: Labels) -> bool:
        """Whatever they are, it does not."""
        return False


@lru_cache(maxsize=1000)
def _say(why: str) -> None:
    """Once: it is read again with every alert."""
    _log.error("matcher_refused", error=why)


def parse(text: str) -> Matcher:
    """A matcher as people write it: `severity=watch`, `name=~"Bank.*"`. Raises MatcherError."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise MatcherError(text, 'write it as label=value, label!=value, label=~"regex" or label!~"regex"')
    label, operator, value = form.groups()
    if value.startswith('"'):
        if not _QUOTED.fullmatch(value):
            raise MatcherError(text, 'close the quotation mark, and write \\" for one within')
        value = re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)
    return Matcher(label, cast(Operator, operator), value)


def matches(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Whether all of them hold. None at all match everything."""
    return all(matcher.holds(labels) for matcher in matchers)


def refused(matchers: Iterable[Matcher]) -> list[RefusedMatcher]:
    """Those of them that cannot be run."""
    return [each for each in matchers if isinstance(each, RefusedMatcher)]


def wide(matchers: Iterable[Matcher]) -> bool:
    """Whether they would match an alert without any label, and so, it must be feared, everything."""
    return matches(matchers, {})


def as_json(matchers: Iterable[Matcher]) -> list[dict[str, str]]:
    """For a jsonb column."""
    return [{"label": each.label, "operator": each.operator, "value": each.value} for each in matchers]


def from_json(stored: Iterable[Mapping[str, Any]]) -> tuple[Matcher, ...]:
    """The inverse of `as_json`; what is no matcher is a RefusedMatcher: one bad row stops no engine."""
    return tuple(_stored(str(each["label"]), each["operator"], str(each["value"])) for each in stored)


def _stored(label: str, operator: Operator, value: str) -> Matcher:
    try:
        return Matcher(label, operator, value)
    except MatcherError as error:
        return RefusedMatcher(label, operator, value, str(error))
