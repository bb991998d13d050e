"""`yuqing model widen`: n-grams fitted beside the encoders of weights that exist already."""

from pathlib import Path
from typing import Annotated

import typer

from model.artefact import read_manifest
from model.command_frame import explained
from model.command_log import log_to_stderr
from model.datasets import read_sets
from model.errors import ConfigError, EngineError
from model.techniques import WideConfig

__all__ = ["widen_command"]

_WIDE = WideConfig()


def widen_command(
    weights: Annotated[Path, typer.Argument(help="Weights folder, or a build folder of `yuqing train`.")],
    data: Annotated[Path, typer.Option(help="Folder of labelled files (*.jsonl) that its encoders were trained on.")],
    out: Annotated[Path, typer.Option(help="The new folder.")],
    bits: Annotated[int, typer.Option(help="Base-2 logarithm of the buckets.", min=1, max=20)] = _WIDE.bits,
    at_least: Annotated[int, typer.Option(help="Train rows that an n-gram must be in.", min=1)] = _WIDE.at_least,
    strength: Annotated[float, typer.Option(help="C of the regression over n-grams, above 0.")] = _WIDE.strength,
) -> None:
    """Fit n-grams beside a model's encoders, which stay as they are, and measure the outcome in a folder of its own."""
    with explained():
        log_to_stderr()
        try:
            from model.widening import widen
        except ImportError as error:
            raise EngineError(f"fitting n-grams needs {error.name}: pip install 'yuqing[train]'") from error
        if not strength > 0:
            raise ConfigError(f"--strength is {strength}; give a number above 0")
        config = WideConfig(bits=bits, at_least=at_least, strength=strength)
        seed = int(read_manifest(weights).training.get("seed", 0))
        manifest = widen(weights, read_sets(data, seed=seed), config, out)
        typer.echo(f"{manifest.model_version} in {out}")
        for name, measured in manifest.metrics.items():
            typer.echo(f"  {name}: accuracy {measured['accuracy']:.4f}, macro-F1 {measured['macro_f1']:.4f}")
