"""Where alerts go: webhooks with a secret each, and the guard that keeps them off private networks."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from standardwebhooks import Webhook

from alerts.errors import EndpointError, ForbiddenAddressError, UnreachableError, WrongSettingError

if TYPE_CHECKING:
    from alerts.delivery.formats import Format

__all__ = ["EVENTS", "USUAL_EVENTS", "Endpoint", "Target", "is_public", "resolve"]

_NAT64 = IPv6Network("64:ff9b::/96")

EVENTS = (
    "alert.opened",
    "alert.escalated",
    "alert.reminded",
    "alert.acknowledged",
    "alert.reopened",
    "alert.resolved",
    "digest.daily",
    "digest.weekly",
)

USUAL_EVENTS = tuple(event for event in EVENTS if event != "alert.acknowledged")
"""What an endpoint hears of that does not choose: all but what a colleague has just done."""


@dataclass(frozen=True)
class Endpoint:
    """One webhook. `secret` is base64, with or without the prefix whsec_. `events` are those it wants to hear of.

    While a secret is changed, `old_secret` signs too: a receiver that knows either of them believes the request.
    With `ordered` a delivery waits until those before it are taken or given up. `form` is that of the body; in
    Alertmanager's there are no digests.

    Raises WrongSettingError for a URL that is not http(s) with a host, a secret that cannot sign, or an event that
    does not exist.
    """

    name: str
    url: str
    secret: str = field(repr=False)
    allow_private: bool = False
    events: tuple[str, ...] = USUAL_EVENTS
    old_secret: str = field(default="", repr=False)
    ordered: bool = False
    form: Format = "standard"

    def __post_init__(self) -> None:
        if _parts(self.url) is None:
            raise WrongSettingError(f"url of webhook {self.name}", self.url, "give http://host/... or https://host/...")
        unknown = set(self.events) - set(EVENTS)
        if unknown:
            raise WrongSettingError(f"events of webhook {self.name}", sorted(unknown), f"choose of {', '.join(EVENTS)}")
        for what, secret in (("secret", self.secret), ("old_secret", self.old_secret or self.secret)):
            try:
                Webhook(secret)
            except Exception:  # whatever its decoder raises: the secret must not be shown, nor chained to what is
                fix = "give base64, such as `openssl rand -base64 32` prints"
                raise WrongSettingError(f"{what} of webhook {self.name}", "(hidden)", fix) from None

    def signature(self, webhook_id: str, now: datetime, body: str) -> str:
        """The header webhook-signature: one signature, or two while a secret is changed, as the standard has it."""
        secrets = [self.secret, self.old_secret] if self.old_secret else [self.secret]
        return " ".join(Webhook(secret).sign(webhook_id, now, body) for secret in secrets)

    def wants(self, event_type: str) -> bool:
        """Whether it is told of such events."""
        return event_type in self.events and (self.form == "standard" or event_type.startswith("alert."))


@dataclass(frozen=True)
class Target:
    """A URL whose host has been resolved: the request goes to `url`, which names the address that was checked."""

    url: str
    host: str
    """The value of the Host header, and, without its port, the name that the certificate must show."""
    server_name: str


async def resolve(endpoint: Endpoint) -> Target:
    """Looks up the endpoint's host, and pins the address so that a second lookup cannot lead elsewhere.

    Raises ForbiddenAddressError when any address of the host is not public and the endpoint does not allow that,
    UnreachableError when the name does not resolve.
    """
    parts = _parts(endpoint.url)
    if parts is None or parts.hostname is None:
        raise EndpointError(f"webhook {endpoint.name}: {endpoint.url} is not an http(s) address")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = await _addresses(parts.hostname, port)
    if not endpoint.allow_private:
        for address in addresses:
            if not is_public(address):
                raise ForbiddenAddressError(parts.hostname, str(address))
    first = f"[{addresses[0]}]" if addresses[0].version == 6 else str(addresses[0])
    pinned = parts._replace(netloc=f"{first}:{port}", fragment="").geturl()
    return Target(pinned, parts.netloc.rpartition("@")[2], parts.hostname)


async def _addresses(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    """What the host stands for. One that is an address needs no looking up; odd spellings of one are looked up."""
    try:
        return [ip_address(host)]
    except ValueError:
        pass
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(f"{host} does not resolve: {error}") from error
    return [ip_address(str(answer[4][0]).split("%")[0]) for answer in answers]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the open internet; an IPv4 address wrapped in IPv6 counts as what is inside."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return is_public(inner)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None
