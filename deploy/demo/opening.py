"""Everything that must stand before the stream begins: services, empty books, the webhook receiver, the settings."""

from __future__ import annotations

import fcntl
import os
import secrets
from base64 import b64encode
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from alerts.delivery.receiver import WebhookReceiver
from deploy.demo.inbox import Inbox
from deploy.demo.stage import Stage, clear_earlier, create_database, write_settings
from deploy.embedded import EmbeddedStack
from deploy.errors import UsageError
from deploy.roles import now
from deploy.services import stack_folder
from deploy.settings import Settings, load_settings

__all__ = ["Opened", "opened", "own_settings", "sole_run"]

_KEPT = ("YUQING_MODEL__", "YUQING_LOGS__")
"""Variables that apply to a demonstration too. Others would lead it to an operator's services."""


@dataclass(frozen=True)
class Opened:
    """A stage that is set. `versions` are those of kafka, postgresql and redis; `config` is the settings file."""

    stage: Stage
    settings: Settings
    config: Path
    versions: dict[str, str]
    receiver: WebhookReceiver
    inbox: Inbox


@contextmanager
def opened(folder: Path, console: Console, *, fresh: bool) -> Iterator[Opened]:
    """Sets the stage below `folder`; receiver and services are stopped at the end. `fresh` removes old data first.

    Raises EmbeddedError when the services do not start.
    """
    services = EmbeddedStack(stack_folder(folder), fresh=fresh)
    with services as addresses, own_settings(os.environ):
        clear_earlier(addresses)
        stage = Stage(secrets.token_hex(4), addresses)
        create_database(stage)
        secret = b64encode(secrets.token_bytes(32)).decode()
        inbox = Inbox(console, now)
        with WebhookReceiver(secret, on_taken=inbox.take) as receiver:
            config = write_settings(stage, folder, webhook_url=receiver.url, webhook_secret=secret)
            versions = services.versions()
            versions["postgresql"] = versions.pop("postgres")
            yield Opened(stage, load_settings(config), config, versions, receiver, inbox)


@contextmanager
def sole_run(folder: Path) -> Iterator[None]:
    """Holds the folder for one demonstration at a time. Raises UsageError when another has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "demo.lock").open("w")
    except OSError as error:
        raise UsageError(
            f"Cannot write to the state folder {folder}: {error.strerror}.",
            fix="make it writable, or choose another with --state.",
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"A demonstration is running on {folder} already.",
                fix="stop it with Ctrl-C in its terminal, or choose another folder with --state.",
            ) from error
        yield


@contextmanager
def own_settings(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Takes an operator's YUQING_ variables out of `environment` for a while, but for those about model and logs."""
    taken = {
        name: environment.pop(name)
        for name in list(environment)
        if name.upper().startswith("YUQING_") and not name.upper().startswith(_KEPT)
    }
    try:
        yield
    finally:
        environment.update(taken)
