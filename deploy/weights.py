"""Which weights folder the settings name."""

from __future__ import annotations

from pathlib import Path

from deploy.settings import Settings

__all__ = ["weights_folder"]


def weights_folder(settings: Settings) -> Path:
    """The folder named, the version promoted in the models folder named, or the one that comes with the program.

    Raises ArtefactError where the models folder is damaged.
    """
    from model.artefact import COMMITTED
    from model.registry import in_force

    if settings.model.models is not None:
        return in_force(settings.model.models)
    return settings.model.folder or COMMITTED
