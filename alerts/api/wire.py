"""Types of the API's parameters and fields that are stricter than what pydantic takes by default."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

__all__ = [
    "Body",
    "Cursor",
    "Flag",
    "Instant",
    "Limit",
    "MaybeFlag",
    "MaybeInstant",
    "Page",
    "Parameters",
    "Short",
    "Words",
    "whole",
]

_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*$"
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def _rfc3339(value: Any) -> Any:
    """Only what RFC 3339 calls a date-time: pydantic would take a number of seconds as well."""
    if isinstance(value, datetime):
        return value
    text = str(value).upper()
    if len(text) < 20 or text[10] != "T" or not (text.endswith("Z") or text[-6] in "+-"):
        raise ValueError("write a date and time with its zone, such as 2024-05-06T12:00:00Z")
    return datetime.fromisoformat(text)


def _bounded(value: datetime) -> datetime:
    """Nothing is stored before 1970 or after 2200; the database's calendar is not put to the test."""
    try:
        return min(max(value, _EARLIEST), _LATEST).astimezone(UTC)
    except OverflowError:
        return _EARLIEST if value.year < 1970 else _LATEST


def _decimal(value: Any) -> Any:
    """Digits only: pydantic would take " 1_0 " for ten."""
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise ValueError("write a whole number in digits")
    return value


def whole(value: Any) -> Any:
    """For whole numbers in a body: JSON has one kind of number, and 13.0 is a whole one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _boolean(value: Any) -> Any:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise ValueError("write true or false")
        return value == "true"
    return value


Instant = Annotated[
    datetime,
    BeforeValidator(_rfc3339),
    AfterValidator(_bounded),
    PlainSerializer(lambda at: at.astimezone(UTC).isoformat().replace("+00:00", "Z"), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time with its zone, as RFC 3339; answers are in UTC."""

Short = Annotated[str, Field(max_length=200, pattern=_PRINTABLE)]
"""One line of text: no control characters."""

Words = Annotated[str, Field(max_length=300, pattern=_PRINTABLE)]
"""What somebody searches for."""

Cursor = Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9_-]*$")]
"""Where a page begins: `next` of the page before. What it says is not for clients."""

Limit = Annotated[int, Field(ge=1, le=200), BeforeValidator(_decimal)]
"""How many items a page has at most."""

Flag = Annotated[bool, BeforeValidator(_boolean)]

# A query has no null: these are left out or given, and the description says no more.
MaybeFlag = Annotated[Flag | None, WithJsonSchema({"type": "boolean"})]
MaybeInstant = Annotated[Instant | None, WithJsonSchema({"type": "string", "format": "date-time"})]


class Parameters(BaseModel):
    """Query parameters: one that does not exist is an error, as it would be a filter that does nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Body(BaseModel):
    """What a client sends: exact types, and no field that does not exist."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Page(BaseModel):
    """What every list has beside its items."""

    next: str | None = Field(description="Give this as `cursor` for the page behind; null on the last page.")
