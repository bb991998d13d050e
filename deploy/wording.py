"""What to tell a user about an exception: words and an exit code, or nothing where it is a defect of ours."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from deploy.errors import DeployError

__all__ = ["Told", "words_for"]

# Names, not classes: an error can only come from a room that is loaded, and the others need not be.
_ROOTS = (
    ("stream.errors", "StreamError", 1),
    ("storage.errors", "StorageError", 1),
    ("alerts.errors", "AnswerError", 2),
    ("alerts.errors", "EntryError", 2),
    ("alerts.errors", "AlertsError", 1),
    ("model.errors", "ModelError", 1),
    ("pydantic_settings", "SettingsError", 2),
)
_AWAY = (
    ("sqlalchemy.exc", "OperationalError", "The database does not answer"),
    ("psycopg", "OperationalError", "The database does not answer"),
    ("redis.exceptions", "ConnectionError", "The cache does not answer"),
    ("redis.exceptions", "TimeoutError", "The cache does not answer"),
    ("confluent_kafka", "KafkaException", "The broker does not answer"),
)
_AWAY_FIX = "start it, or correct its address in the settings; `yuqing doctor` looks at all of them."


class Told(NamedTuple):
    """What the user reads, and what the command returns."""

    words: str
    exit_code: int


def words_for(error: Exception) -> Told | None:
    """The words for an error that a user can cause or mend; None where it needs a programmer."""
    if isinstance(error, DeployError):
        return Told(str(error), error.exit_code)
    for module, name, code in _ROOTS:
        if _is(error, module, name):
            return Told(str(error), code)
    for module, name, words in _AWAY:
        if _is(error, module, name):
            detail = str(error).strip().splitlines()[0]
            return Told(f"{words}: {detail}\n  Fix: {_AWAY_FIX}", 1)
    if isinstance(error, OSError) and error.filename is not None:
        return Told(f"{error.filename}: {error.strerror}.", 1)
    return None


def _is(error: Exception, module: str, name: str) -> bool:
    return isinstance(error, getattr(import_module(module), name))
