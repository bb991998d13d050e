"""A models folder: every promoted version side by side, and one file that says which is in force.

```
models/
├── promotions.json          what is in force, and every promotion and rollback before it
├── .lock                    held while one is made
└── versions/
    └── e5s6-20261124-…/     a weights folder (model/artefact.py)
```
Where nothing was promoted, the committed weights are in force.
"""

import datetime
import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from model.artefact import COMMITTED, MANIFEST, read_manifest
from model.errors import ArtefactError, ConfigError
from model.promotion_log import PROMOTIONS, Promotion, Version, append, flush, promotions, standing
from model.verdicts import Verdict

VERSIONS: Final = "versions"
Clock = Callable[[], datetime.datetime]


def in_force(models: Path) -> Path:
    """The weights folder to load: the promoted one, or the committed one.

    The answer is a real folder that nothing changes, so what is loaded from it is of one version.

    Raises:
        ArtefactError: `promotions.json` cannot be read, or names a version that is not there.
    """
    versions = standing(promotions(models))
    if not versions:
        return COMMITTED
    folder = models / VERSIONS / versions[-1]
    if not folder.is_dir():
        raise ArtefactError(f"{models / PROMOTIONS} names {folder}, which is not there: `yuqing model rollback`.")
    return folder


def promote(models: Path, candidate: Path, verdict: Verdict, *, clock: Clock) -> Path:
    """Copy a candidate's weights under `versions`, then put them in force; returns the copy.

    The order of effects: copied beside, hashes checked, renamed into place, and only then named in `promotions.json`.
    Dying in between leaves the version in force that was.

    Raises:
        ArtefactError: the candidate is incomplete or altered.
        ConfigError: the verdict is not about this candidate, does not allow it, or compared it with another model
            than the one in force now.
    """
    manifest = read_manifest(candidate)
    with _locked(models):
        current = read_manifest(in_force(models)).model_version
        if not verdict.better or verdict.candidate != manifest.model_version or verdict.incumbent != current:
            raise ConfigError(f"{manifest.model_version} was not found better than {current}: measure it again")
        folder = _store(models, candidate, manifest.model_version, tuple(manifest.files))
        append(models, Promotion(clock(), "promote", manifest.model_version, verdict))
    return folder


def rollback(models: Path, *, clock: Clock) -> str | None:
    """Put back in force what the last promotion replaced; returns its version, None for the committed weights.

    Raises:
        ConfigError: nothing is promoted.
        ArtefactError: the earlier version is not there or is damaged.
    """
    with _locked(models):
        versions = standing(promotions(models))
        if not versions:
            raise ConfigError(f"nothing is promoted in {models}: the committed weights are in force already")
        earlier = versions[-2] if len(versions) > 1 else None
        read_manifest(models / VERSIONS / earlier if earlier else COMMITTED)
        append(models, Promotion(clock(), "rollback", earlier))
    return earlier


def _store(models: Path, candidate: Path, version: str, files: tuple[str, ...]) -> Path:
    try:
        target = models / VERSIONS / msgspec.convert(version, Version)
    except msgspec.ValidationError:
        raise ArtefactError(f"the version {version!r} of {candidate} cannot name a folder: train again") from None
    if target.exists():
        if read_manifest(target) != read_manifest(candidate):
            raise ArtefactError(f"{target} holds other weights under the same version: remove it, or train again")
        return target  # promoted before, and rolled back since
    beside = target.with_name(f".{version}.part")
    shutil.rmtree(beside, ignore_errors=True)
    for name in (*files, MANIFEST):
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(candidate / name, beside / name)
        flush(beside / name)
    read_manifest(beside)
    beside.replace(target)
    flush(target.parent)
    return target


@contextmanager
def _locked(models: Path) -> Iterator[None]:
    models.mkdir(parents=True, exist_ok=True)
    with (models / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
