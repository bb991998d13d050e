"""Commands of the training workshop, beside `train`."""

import typer

from model.commands_compress import compress_command
from model.commands_data import data_app
from model.commands_distil import distil_command
from model.commands_ensemble import ensemble_command
from model.commands_tune import tune_command

__all__ = ["register_workshop"]


def register_workshop(app: typer.Typer) -> None:
    """Add them to the room's commands."""
    app.add_typer(data_app, name="data")
    app.command("distil")(distil_command)
    app.command("compress")(compress_command)
    app.command("ensemble")(ensemble_command)
    app.command("tune")(tune_command)
