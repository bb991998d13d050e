"""What can go wrong in `deploy`, as one tree. Every message says what, where, and how to mend.

DeployError
├── SettingsError        a setting is unknown, missing or wrong; all faults at once
├── UsageError           a command was called in a way that cannot work
├── RoleError           a role could not be built or kept dying
└── EmbeddedError        the embedded broker, database or cache
    ├── PartMissingError      a package or file it is made of is not there
    ├── ServiceError    a process ended or did not answer; names its log file
    └── StackInUseError       another process runs the stack of this folder
"""

from __future__ import annotations

__all__ = [
    "DeployError",
    "EmbeddedError",
    "PartMissingError",
    "RoleError",
    "ServiceError",
    "SettingsError",
    "StackInUseError",
    "UsageError",
]


class DeployError(Exception):
    """Base of all. `fix` is one sentence that tells the operator what to do; `exit_code` what the CLI returns."""

    exit_code = 1

    def __init__(self, what: str, *, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}\n  Fix: {self.fix}" if self.fix else self.what


class SettingsError(DeployError):
    """A setting is unknown, missing or of the wrong kind. The message lists every fault."""

    exit_code = 2


class UsageError(DeployError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class RoleError(DeployError):
    """A role could not be built, or kept dying."""


class EmbeddedError(DeployError):
    """The embedded stack could not do what it was asked."""


class PartMissingError(EmbeddedError):
    """A package, binary or jar of the embedded stack is absent and could not be fetched."""


class ServiceError(EmbeddedError):
    """A service ended early, or did not become ready. The message names its log file."""


class StackInUseError(EmbeddedError):
    """The folder's stack belongs to a living process, so it can be neither wiped nor taken over."""
