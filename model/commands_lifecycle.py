"""Commands for the life of a model after training: promote, explain."""

import typer

from model.commands_models import app as models_app

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add them to the room's commands."""
    app.add_typer(models_app, name="model")
