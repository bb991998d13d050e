"""`yuqing distil`: train as `train` does, with larger models as teachers beside the labels.

The same as a table `[encoders.NAME.teacher]` in the configuration of `train`, which can say more (model/techniques.py).
"""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from model.command_frame import explained
from model.command_log import log_to_stderr
from model.config import TrainingConfig, read_config
from model.errors import ConfigError, EngineError
from model.techniques import TeacherConfig

__all__ = ["distil_command"]

CONFIG = Path(__file__).with_name("config.toml")


def distil_command(
    data: Annotated[Path, typer.Option(help="Folder of labelled files (*.jsonl).")],
    teacher: Annotated[list[Path], typer.Option(help="Folder of a teacher; several times: their mean.")],
    out: Annotated[Path, typer.Option(help="Build folder; a run found in it is gone on with.")],
    config: Annotated[Path, typer.Option(help="The student's run, as TOML.")] = CONFIG,
    encoder: Annotated[str, typer.Option(help="The encoder that is taught.")] = "en",
    text: Annotated[list[Path] | None, typer.Option(help="Folder of feed items to learn from as well.")] = None,
    text_at_most: Annotated[int, typer.Option(help="How many of those, 0 for all.", min=0)] = 0,
    topics: Annotated[bool, typer.Option("--topics", help="The teachers teach topics as well.")] = False,
    temperature: Annotated[float, typer.Option(help="Of the answers compared, above 0.")] = 2.0,
    weight: Annotated[float, typer.Option(help="Of the teachers beside the labels, above 0.")] = 1.0,
    weights: Annotated[Path | None, typer.Option(help="Copy the finished weights here as well.")] = None,
) -> None:
    """Train an encoder on labels and on what larger models say; may be stopped at any moment and run again."""
    with explained():
        log_to_stderr()
        folders = tuple(str(folder.absolute()) for folder in teacher)
        lessons = {
            "sentiment": folders,
            "topics": folders if topics else (),
            "text": tuple(str(folder.absolute()) for folder in text or ()),
            "text_at_most": text_at_most,
            "temperature": temperature,
            "weight": weight,
        }
        run = with_teacher(read_config(config), encoder, lessons)
        try:
            from model.build import build, publish
        except ImportError as error:
            raise EngineError(f"training needs {error.name}: pip install 'yuqing[train]'") from error
        manifest = build(data, run, out, only=encoder)
        if manifest is None:
            typer.echo(f"{encoder} is trained in {out}; `yuqing train --encoder` trains what is missing")
            return
        if weights is not None:
            publish(out, weights)
        typer.echo(f"{manifest.model_version} in {weights or out}")


def with_teacher(config: TrainingConfig, encoder: str, lessons: dict[str, object]) -> TrainingConfig:
    """The same configuration, with a teacher for one encoder.

    Raises:
        ConfigError: there is no such encoder, or a value cannot be.
    """
    if encoder not in config.encoders:
        raise ConfigError(f"there is no encoder {encoder!r} in the configuration: {', '.join(config.encoders)}")
    try:
        taught = msgspec.convert(lessons, TeacherConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{error}") from error
    run = msgspec.structs.replace(config.encoders[encoder], teacher=taught)
    return msgspec.structs.replace(config, encoders=config.encoders | {encoder: run})
