"""What the room promises: its names, its tree of errors, and addresses it can use."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import storage
from storage import errors
from storage.connection import connect
from storage.errors import AddressError, StorageError
from storage.schema import head

MODULES = [name for _, name, _ in pkgutil.iter_modules(storage.__path__) if name not in ("migrations",)]


def test_the_room_exports_what_it_lists_in_order():
    assert sorted(storage.__all__) == storage.__all__
    assert all(hasattr(storage, name) for name in storage.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_described_and_every_public_name_exists_and_is_described(name):
    module = importlib.import_module(f"storage.{name}")
    assert module.__doc__
    for public in getattr(module, "__all__", ()):
        value = getattr(module, public)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), f"storage.{name}.{public}"


def test_every_error_hangs_on_the_tree_and_is_drawn_in_it():
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), StorageError)
        assert name in (errors.__doc__ or "")


@pytest.mark.parametrize("url", ["postgresql://u:p@db:5432/y", "postgres://u:p@db/y", "postgresql+psycopg://u:p@db/y"])
def test_all_spellings_of_a_postgresql_url_will_do(url):
    engine = connect(url)

    assert engine.url.drivername == "postgresql+psycopg"
    assert engine.url.password == "p"


@pytest.mark.parametrize("url", ["mysql://u:secret@db/y", "sqlite://", "nonsense"])
def test_another_url_is_refused_with_one_that_would_do_and_without_its_password(url):
    with pytest.raises(AddressError, match="postgresql://user:password@host") as refusal:
        connect(url)

    assert "secret" not in str(refusal.value)


def test_the_newest_revision_is_known_without_a_database():
    assert head()
