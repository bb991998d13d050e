"""The broker's jars: resolved once by jgo, then found in the user's cache, so that later starts need no network."""

from __future__ import annotations

import fcntl
import os
import shutil
import zipfile
from pathlib import Path

from platformdirs import user_cache_path

from deploy.errors import PartMissingError

__all__ = ["KAFKA_VERSION", "kafka_class_path"]

KAFKA_VERSION = "4.3.1"
# Kafka speaks slf4j 1.7 and says nothing without a binding; reload4j starts fastest and can roll its file.
_ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-reload4j:1.7.36"


def kafka_class_path(cache: Path | None = None) -> list[Path]:
    """The jars of the broker, downloading them (44 MB) the first time.

    Raises PartMissingError when they are not cached and cannot be fetched.
    """
    folder = (cache or user_cache_path("yuqing")) / f"kafka-{KAFKA_VERSION}"
    complete = folder / "complete"
    if not complete.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not complete.exists():
                    _fetch(folder)
                    complete.touch()
        except OSError as error:
            raise PartMissingError(
                f"Cannot keep Kafka's jars in {folder}: {error}.",
                fix="make that folder writable, or set XDG_CACHE_HOME to one that is.",
            ) from error
    return sorted(folder.glob("*.jar"))


def _fetch(folder: Path) -> None:
    """Downloads and links every jar of the endpoint into `folder`.

    Only the class path is asked for: `jgo.build` would look for a JDK on the network to sort jars into modules.
    """
    import jgo  # slow to import, and needed once

    try:
        for artifact in jgo.resolve(_ENDPOINT):
            source = Path(artifact.resolve())
            if not zipfile.is_zipfile(source):
                source.unlink()
                raise ValueError(f"{source} was not a whole jar; it is removed, so that the next try fetches it")
            target = folder / source.name
            target.unlink(missing_ok=True)
            try:
                os.link(source, target)
            except OSError:  # another file system
                shutil.copyfile(source, target)
    except Exception as error:  # jgo lets through whatever its HTTP and XML libraries raise
        raise PartMissingError(
            f"Cannot fetch Apache Kafka {KAFKA_VERSION} ({_ENDPOINT}): {type(error).__name__}: {error}",
            fix="check the network (Maven Central, a proxy in HTTPS_PROXY), or name a broker in [kafka] bootstrap.",
        ) from error
