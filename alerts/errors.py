"""What can go wrong in this room.

AlertsError
├── WrongSettingError          a plain value handed to this room makes no sense
├── EndpointError              an endpoint that must not or cannot be called as it stands
│   └── ForbiddenAddressError  its host resolves to an address that is not public
└── DeliveryError              an attempt that did not end in 2xx; `worth_retrying` reads it
    ├── RefusedError           answered with another status
    └── UnreachableError       no answer: name, connection, timeout, broken reply
"""

from __future__ import annotations

from datetime import timedelta

__all__ = [
    "AlertsError",
    "DeliveryError",
    "EndpointError",
    "ForbiddenAddressError",
    "RefusedError",
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
