"""Database URLs: one host or several, and no password in what is shown."""

from __future__ import annotations

import pytest

from storage.address import address, shown
from storage.connection import connect
from storage.errors import AddressError


def arguments(url: str) -> dict[str, str]:
    """What the driver is given."""
    _, given = connect(url).dialect.create_connect_args(address(url))
    return dict(given)


def test_one_host_stays_as_it_is() -> None:
    assert str(address("postgres://me:secret@db:6000/books")) == "postgresql+psycopg://me:***@db:6000/books"


def test_of_several_hosts_the_primary_is_taken() -> None:
    given = arguments("postgresql://me:s%40cret@a:6001,b:6002,c/books?connect_timeout=3")
    assert (given["host"], given["port"]) == ("a,b,c", "6001,6002,")
    assert (given["user"], given["password"], given["dbname"]) == ("me", "s@cret", "books")
    assert (given["target_session_attrs"], given["connect_timeout"]) == ("read-write", "3")


def test_whoever_wants_another_than_the_primary_says_so() -> None:
    assert arguments("postgresql://me@a,b/books?target_session_attrs=any")["target_session_attrs"] == "any"


def test_what_is_shown_has_no_password() -> None:
    told = shown(address("postgresql://me:secret@a:6001,b:6002/books"))
    assert "secret" not in told
    assert "a%3A6001" in told


@pytest.mark.parametrize("url", ["", "books", "mysql://a,b/books"])
def test_what_is_no_url_of_postgresql_is_refused(url: str) -> None:
    with pytest.raises(AddressError):
        connect(url)
