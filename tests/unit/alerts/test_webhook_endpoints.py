"""Webhook addresses are hostile input: nothing leads onto a private network unless the operator says so."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from alerts.delivery.endpoints import Endpoint, is_public, resolve
from alerts.errors import ForbiddenAddressError, UnreachableError, WrongSettingError

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"


def endpoint(url: str, *, allow_private: bool = False) -> Endpoint:
    return Endpoint("desk", url, SECRET, allow_private=allow_private)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
    ],
)
def test_addresses_that_are_not_of_the_open_internet(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_of_the_open_internet(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/hook",
        "http://[::1]/hook",
        "http://localhost/hook",
        "http://2130706433/hook",
        "http://0x7f.1/hook",
        "http://127.1/hook",
        "http://169.254.169.254/latest/meta-data",
        "https://[::ffff:192.168.0.1]/",
    ],
)
async def test_private_addresses_are_refused_however_they_are_spelled(url: str) -> None:
    with pytest.raises((ForbiddenAddressError, UnreachableError)):
        await resolve(endpoint(url))


async def test_the_refusal_names_the_setting_that_allows_it() -> None:
    with pytest.raises(ForbiddenAddressError, match="allow_private = true"):
        await resolve(endpoint("http://127.0.0.1/"))


async def test_the_address_that_was_checked_is_the_one_that_is_called() -> None:
    target = await resolve(endpoint("http://localhost:8080/hook?a=b#c", allow_private=True))
    assert target.url in ("http://127.0.0.1:8080/hook?a=b", "http://[::1]:8080/hook?a=b")
    assert (target.host, target.server_name) == ("localhost:8080", "localhost")


async def test_the_usual_port_follows_from_the_scheme() -> None:
    assert (await resolve(endpoint("https://8.8.8.8/x"))).url == "https://8.8.8.8:443/x"
    assert (await resolve(endpoint("http://8.8.8.8/x"))).url == "http://8.8.8.8:80/x"


async def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match="does not resolve"):
        await resolve(endpoint("http://nowhere.invalid/"))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/", "gopher://x/", "http://", "example.org", "http://x:99999/", ""]
)
def test_only_http_with_a_host_is_an_endpoint(url: str) -> None:
    with pytest.raises(WrongSettingError, match="url of webhook desk"):
        endpoint(url)


def test_a_secret_that_cannot_sign_is_refused_without_being_shown() -> None:
    with pytest.raises(WrongSettingError, match="hidden") as caught:
        Endpoint("desk", "https://example.org/", "whsec_not!base64")
    assert "not!base64" not in str(caught.value)


def test_the_secret_does_not_show() -> None:
    assert SECRET not in repr(endpoint("https://example.org/"))


def test_an_event_that_does_not_exist_is_refused() -> None:
    with pytest.raises(WrongSettingError, match=r"alert\.opened"):
        Endpoint("desk", "https://example.org/", SECRET, events=("alert.oepned",))
