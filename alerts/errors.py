"""What can go wrong in this room.

AlertsError
├── WrongSettingError          a plain value handed to this room makes no sense
├── CountsFileError            a file of counts that cannot be judged; names the line
├── MissingPartError           a package that is not installed; the message says how to
├── TokenError                 a token that cannot be made, or is not there to be revoked
├── AnswerError                what an analyst asks for cannot be done; the message says what can
│   ├── UnknownAlertError      no alert, or more than one, has this id
│   ├── TransitionError        an alert in this status cannot be treated so
│   ├── MatcherError           what is written is no matcher
│   ├── SilenceError           a silence that would hide everything or nothing, or is not there
│   ├── UnknownEntryError      the watch list has no such entry of somebody's making
│   └── OvertakenError         somebody has changed an entry since it was looked at
├── EntryError                 what somebody would put on the watch list cannot stand there; names every mistake
├── BusyError                  somebody else is at it: come back in a moment
├── EndpointError              an endpoint that must not or cannot be called as it stands
│   └── ForbiddenAddressError  its host resolves to an address that is not public
└── DeliveryError              an attempt that did not end in 2xx; `worth_retrying` reads it
    ├── RefusedError           answered with another status
    └── UnreachableError       no answer: name, connection, timeout, broken reply
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

__all__ = [
    "AlertsError",
    "AnswerError",
    "BusyError",
    "CountsFileError",
    "DeliveryError",
    "EndpointError",
    "EntryError",
    "ForbiddenAddressError",
    "MatcherError",
    "MissingPartError",
    "OvertakenError",
    "RefusedError",
    "SilenceError",
    "TokenError",
    "TransitionError",
    "UnknownAlertError",
    "UnknownEntryError",
    "UnreachableError",
    "WrongSettingError",
]


class AlertsError(Exception):
    """The root of this room's errors."""


class WrongSettingError(AlertsError):
    """Names the setting, what it was, and how to mend it."""

    def __init__(self, setting: str, value: object, fix: str) -> None:
        super().__init__(f"alerts: {setting} is {value!r}: {fix}")
        self.setting = setting


class TokenError(AlertsError):
    """Names what was wrong with the token, what was given, and how to mend it."""

    def __init__(self, what: str, value: object, fix: str) -> None:
        super().__init__(f"token: {what} is {value!r}: {fix}")


class AnswerError(AlertsError):
    """An analyst asked for what cannot be done. Nothing has changed."""


class BusyError(AlertsError):
    """What can be done once at a time is being done for somebody else."""


class UnknownEntryError(AnswerError):
    """Nobody has made such an entry of the watch list, or it was withdrawn."""

    def __init__(self, entity_id: str) -> None:
        super().__init__(f"there is no entry {entity_id!r}: see `yuqing watchlist list`")


class OvertakenError(AnswerError):
    """An entry is not, or no longer, what it was when somebody looked at it; the message says whose change it was."""


class EntryError(AlertsError):
    """An entry for the watch list is none. `problems` names every mistake in it, as `field: mistake`."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class UnknownAlertError(AnswerError):
    """No alert, or more than one, has an id that begins so."""

    def __init__(self, beginning: str, found: int) -> None:
        what = "no alert has an id that begins" if not found else "more than one alert has an id that begins"
        super().__init__(f"{what} with {beginning!r}: see `yuqing alerts list`")
        self.found = found


class TransitionError(AnswerError):
    """The status of an alert does not allow an action; `possible` are those that it allows."""

    def __init__(self, action: str, status: str, possible: Sequence[str], about: str = "") -> None:
        instead = f"what can be done: {', '.join(possible)}" if possible else "nothing can be done with it"
        super().__init__(f"{about or 'the alert'} is {status}, so {action!r} cannot be done; {instead}")
        self.action = action
        self.status = status
        self.possible = tuple(possible)


class MatcherError(AnswerError):
    """What is written is no matcher; the message quotes it and says how one is written."""

    def __init__(self, written: str, fix: str) -> None:
        super().__init__(f"matcher {written!r}: {fix}")


class SilenceError(AnswerError):
    """A silence that would hide everything, has no end or no reason, or does not exist."""


class CountsFileError(AlertsError):
    """Names file and line of a series of counts, what was wrong there, and how to mend it."""

    def __init__(self, path: Path, line: int, what: str, fix: str) -> None:
        super().__init__(f"{path}, line {line}: {what}: {fix}")


class MissingPartError(AlertsError):
    """Names what is wanted and the command that installs it."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}: {fix}")


class EndpointError(AlertsError):
    """An endpoint that cannot be called, whatever is sent: not retried until its settings change."""


class ForbiddenAddressError(EndpointError):
    """The host resolves to a private, loopback or otherwise special address."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(
            f"{host} resolves to {address}, which is not a public address; "
            "set allow_private = true for this endpoint if it is meant"
        )


class DeliveryError(AlertsError):
    """One attempt that was not taken."""


class RefusedError(DeliveryError):
    """The endpoint answered, but not with 2xx. `retry_after` is what it asked for, if it did."""

    def __init__(self, status: int, retry_after: timedelta | None = None) -> None:
        super().__init__(f"answered {status}")
        self.status = status
        self.retry_after = retry_after


class UnreachableError(DeliveryError):
    """No answer that can be read."""
