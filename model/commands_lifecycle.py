"""Commands for the life of a model after training: promote it, explain what it says, notice drift."""

import typer

from model.commands_drift import app as drift_app
from model.commands_explain import explain_command
from model.commands_models import app as models_app

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add them to the room's commands."""
    app.add_typer(models_app, name="model")
    app.add_typer(drift_app, name="drift")
    app.command("explain")(explain_command)
