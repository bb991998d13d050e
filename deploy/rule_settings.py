"""`[[alerts.rules]]`: an operator's own rule, checked as far as it can be without a watch list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from deploy.section import Section

if TYPE_CHECKING:
    from alerts.rules.rule import Rule as Judge
    from alerts.rules.tally import Measure

__all__ = ["Rule"]


def _holds_something(text: str) -> str:
    if not text.strip():
        raise ValueError("every text has spaces: give something else, or leave it out")
    return text


Count = Annotated[int, Field(ge=1)]
Text = Annotated[str, AfterValidator(_holds_something)]
_MOST_WITHIN_MIN = 10_080
_MOST_QUIET_MIN = 527_040  # a year


class Rule(Section):
    """What `alerts.rules.rule.Rule` needs, as it is written down; what each key means: `yuqing.example.toml`."""

    name: str = Field(pattern=r"^[\w-]{1,64}$")
    severity: Literal["watch", "warning", "critical"] = "watch"
    entities: tuple[Text, ...] = ()
    groups: tuple[Text, ...] = ()
    topics: tuple[Text, ...] = ()
    sources: tuple[Text, ...] = ()
    pattern: str = ""
    words: tuple[Text, ...] = ()
    hours: str = ""
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    zone: str = "UTC"
    within_min: int = Field(default=60, ge=1, le=_MOST_WITHIN_MIN)
    negative_stories: Count | None = None
    stories: Count | None = None
    negative_documents: Count | None = None
    documents: Count | None = None
    negative_share: float | None = Field(default=None, gt=0, le=1)
    mean_score: float | None = Field(default=None, ge=-1, le=1)
    quiet_min: int = Field(default=1440, ge=1, le=_MOST_QUIET_MIN)

    @field_validator("pattern")
    @classmethod
    def _can_be_run(cls, pattern: str) -> str:
        from alerts.patterns import PatternError, compiled

        try:
            compiled(pattern)
        except PatternError as error:
            raise ValueError(f"mend the regular expression (syntax of RE2): {error}") from error
        return pattern

    @field_validator("words")
    @classmethod
    def _can_be_looked_for(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        from alerts.patterns import MOST_CHARS, PatternError, of_words

        try:
            of_words(words)
        except PatternError as error:
            raise ValueError(f"give fewer words, some {MOST_CHARS // 2} characters in all: {error}") from error
        return words

    @field_validator("hours")
    @classmethod
    def _are_hours(cls, hours: str) -> str:
        from alerts.rules.times import hours_of

        if hours:
            hours_of(hours)
        return hours

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        from alerts.rules.times import zone_of

        zone_of(zone)
        return zone

    @model_validator(mode="after")
    def _says_something(self) -> Rule:
        if self.zone != "UTC" and not (self.hours or self.weekdays):
            raise ValueError("zone is given, but neither hours nor weekdays: add one of them, or leave zone out")
        if not self._bounds() and not (self.pattern or self.words or self.topics):
            raise ValueError("it would tell of every document: give a threshold, such as negative_stories = 3")
        if self._bounds() and not any(measure in self._bounds() for measure in _COUNTS):
            raise ValueError(
                "a share or mean of a single document says nothing: add a least number, such as documents = 10"
            )
        return self

    def _bounds(self) -> Mapping[Measure, float]:
        given = {measure: getattr(self, measure) for measure in (*_COUNTS, "negative_share", "mean_score")}
        return {measure: bound for measure, bound in given.items() if bound is not None}

    def judge(self) -> Judge:
        """The rule as the engine runs it."""
        from alerts.rules.rule import Rule as Judge
        from alerts.rules.times import WEEKDAYS, Times, hours_of, zone_of

        start, end = hours_of(self.hours or "00:00-00:00")
        days = frozenset(map(WEEKDAYS.index, self.weekdays or WEEKDAYS))
        return Judge(
            name=self.name,
            bounds=self._bounds() or {"documents": 1},
            severity=self.severity,
            within_min=self.within_min,
            quiet_min=self.quiet_min,
            entities=self.entities,
            groups=self.groups,
            topics=self.topics,
            sources=self.sources,
            pattern=self.pattern,
            words=self.words,
            times=Times(start, end, zone=zone_of(self.zone), weekdays=days),
        )


_COUNTS: tuple[Measure, ...] = ("negative_stories", "stories", "negative_documents", "documents")
