"""Database URLs as people write them, as SQLAlchemy wants them, and as a log may show them.

Several hosts are separated by commas, as libpq has it: `postgresql://me:secret@a:5432,b:5432/yuqing` with
`?target_session_attrs=read-write` goes to whichever of the two is the primary when a connection is made.
"""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from storage.errors import AddressError

__all__ = ["address", "shown"]

_EXAMPLE = "postgresql://user:password@host:5432/yuqing"


def address(url: str) -> URL:
    """A URL of PostgreSQL for SQLAlchemy's engine.

    Takes postgresql://, postgres:// and postgresql+psycopg://. Of several hosts the first that will do is taken; where
    the URL does not say what will do, the primary. Raises AddressError where it is no such URL.
    """
    try:
        found = _hosts_in_query(url)
    except (ArgumentError, ValueError) as error:
        raise AddressError(f"not a database URL; one looks like {_EXAMPLE}") from error
    if found.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise AddressError(f"{shown(found)} is not a PostgreSQL URL; one looks like {_EXAMPLE}")
    return found.set(drivername="postgresql+psycopg")


def shown(url: URL) -> str:
    """The URL without its password."""
    return url.render_as_string(hide_password=True)


def _hosts_in_query(url: str) -> URL:
    """SQLAlchemy reads one host where a host stands in a URL, and several where its query names them."""
    scheme, mark, rest = url.partition("://")
    authority, slash, tail = rest.partition("/")
    user, at, hosts = authority.rpartition("@")
    if "," not in hosts:
        return make_url(url)
    found = make_url(f"{scheme}{mark}{user}{at}{slash}{tail}")
    return found.update_query_dict({"target_session_attrs": "read-write", **found.query, "host": hosts.split(",")})
