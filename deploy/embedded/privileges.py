"""How PostgreSQL, which refuses to run as root, is run all the same when the operator is root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Privileges", "choose_privileges", "reachable"]


@dataclass(frozen=True)
class Privileges:
    """Under whom to run: a command prefix, or a uid to switch to. Neither: as we are."""

    prefix: tuple[str, ...] = ()
    user: int | None = None


def choose_privileges(data: Path, *, euid: int | None = None, namespaces: bool | None = None) -> Privileges:
    """How to run PostgreSQL on the folder `data`.

    As an ordinary user: plainly. As root: in a user namespace, where root's own files belong to an ordinary user;
    where namespaces are refused (most containers), as `nobody`. A folder that exists keeps the way it was made with,
    since that decided who owns its files. `euid` and `namespaces` stand in for what the system says.
    """
    if (os.geteuid() if euid is None else euid) != 0:
        return Privileges()
    nobody = _nobody()
    if data.exists():
        owner = data.stat().st_uid
        return Privileges(prefix=_unshare(nobody)) if owner == 0 else Privileges(user=owner)
    if user_namespaces(nobody) if namespaces is None else namespaces:
        return Privileges(prefix=_unshare(nobody))
    return Privileges(user=nobody)


def user_namespaces(uid: int) -> bool:
    """Whether this system lets us make a user namespace."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_unshare(uid), "true"], capture_output=True, check=False).returncode == 0


def reachable(path: Path) -> bool:
    """Whether any user may walk down to `path`: every existing folder above it can be searched by others."""
    return all(not folder.exists() or folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _unshare(uid: int) -> tuple[str, ...]:
    # A uid that has a name: initdb looks it up.
    return ("unshare", "--user", f"--map-user={uid}", f"--map-group={uid}", "--")


def _nobody() -> int:
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return next((entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0), 65534)
