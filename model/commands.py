"""The commands of this room: `train` here, the others in modules of their own.

Results go to stdout, everything else to stderr. Exit codes: 0 fine, 1 something is wrong (the weights, a library),
2 wrong use (a file, a configuration, an option).
"""

from pathlib import Path
from typing import Annotated

import typer

from model.command_frame import explained
from model.command_log import log_to_stderr
from model.commands_behaviour import behaviour_command
from model.commands_evaluate import evaluate_command
from model.commands_lifecycle import register
from model.commands_workshop import register_workshop
from model.errors import EngineError

app = typer.Typer(help="Train the model, and measure it.", no_args_is_help=True)
register(app)
register_workshop(app)
app.command("evaluate")(evaluate_command)
app.command("behaviour")(behaviour_command)
CONFIG = Path(__file__).with_name("config.toml")


@app.command("train")
def train_command(
    data: Annotated[Path, typer.Option(help="Folder of labelled files (*.jsonl).")],
    out: Annotated[Path, typer.Option(help="Build folder; a run found in it is gone on with.")],
    config: Annotated[Path, typer.Option(help="The run, as TOML.")] = CONFIG,
    weights: Annotated[Path | None, typer.Option(help="Copy the finished weights here as well.")] = None,
    encoder: Annotated[str | None, typer.Option(help="Train this encoder alone, e.g. en; the others later.")] = None,
) -> None:
    """Train, export, calibrate and measure a model; may be stopped at any moment and run again."""
    with explained():
        log_to_stderr()
        from model.config import read_config

        run = read_config(config)
        try:
            from model.build import build, publish
        except ImportError as error:
            raise EngineError(f"training needs {error.name}: pip install 'yuqing[train]'") from error
        manifest = build(data, run, out, only=encoder)
        if manifest is None:
            return
        if weights is not None:
            publish(out, weights)
        typer.echo(f"{manifest.model_version} in {weights or out}")
        for name, measured in manifest.metrics.items():
            typer.echo(f"  {name}: accuracy {measured['accuracy']:.4f}, macro-F1 {measured['macro_f1']:.4f}")
