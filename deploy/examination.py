"""What an examination of `yuqing doctor` is: it looks at a patient, says what it saw, or that something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deploy.errors import DeployError
from deploy.services import Services
from deploy.settings import Settings

__all__ = ["Examine", "Patient", "WrongError", "running"]


class WrongError(DeployError):
    """What an examination raises when it finds something wrong."""


@dataclass(frozen=True)
class Patient:
    """What examinations look at. `services` is None where an embedded stack is wanted and does not run."""

    settings: Settings
    services: Services | None


Examine = Callable[[Patient], str]
"""Returns what it saw; raises WrongError, or any error that can be told in words, where something is wrong."""


def running(patient: Patient) -> Services:
    """The services to look at. Raises WrongError where they do not run."""
    if patient.services is None:
        raise WrongError("the services do not run", fix="`yuqing up`")
    return patient.services
