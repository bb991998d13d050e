"""What a training run can be told, read from TOML: typed, with bounds, and nothing silently ignored."""

from pathlib import Path
from typing import Annotated

import msgspec

from model.errors import ConfigError
from model.routing import LANGUAGES, Language
from model.techniques import (
    AugmentationConfig,
    Device,
    LoraConfig,
    Precision,
    StoppingConfig,
    TeacherConfig,
    WideConfig,
)

Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]+$")]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class EncoderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an encoder starts from: which pre-trained one, which of its layers are kept, and which of its pieces.

    `base`: a key of `model.bases.BASES`. `layers`: places of the layers to keep, all if empty. `max_tokens`: tokens
    read of a text, begin and end marks included, 3 to 512. `piece_at_least`: how often a piece must occur to be kept,
    for a base whose vocabulary is cut; `also_piece_at_least`: the same for texts it only learns from.
    `vocabulary_text`: folders with more text to count pieces in, relative to the data folder; absent ones are passed
    over.
    """

    base: str = "multilingual-e5-small"
    layers: tuple[int, ...] = ()
    max_tokens: Annotated[int, msgspec.Meta(ge=3, le=512)] = 128
    piece_at_least: Count = 1
    also_piece_at_least: Count = 20
    vocabulary_text: tuple[str, ...] = ()


class ScheduleConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long and how fast.

    `passes`: over the data. `batch_tokens`: tokens of a batch, padding included. The learning rate rises over the
    share `warm_up` of all steps, stays, and falls to nothing over the share `decay`; because of the plateau, a run
    that has ended can be made longer. `checkpoint_every`: steps; 0 leaves nothing to go on from, for runs of minutes.
    `dev_sample`: rows of each set's dev part that are looked at after each pass.
    """

    passes: Positive = 3.0
    batch_tokens: Count = 2048
    learning_rate: Positive = 1e-4
    head_learning_rate: Positive = 1e-3
    warm_up: Share = 0.06
    decay: Share = 0.35
    weight_decay: Annotated[float, msgspec.Meta(ge=0)] = 0.01
    dropout: Share = 0.1
    checkpoint_every: Annotated[int, msgspec.Meta(ge=0)] = 200
    dev_sample: Count = 250


class RunConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The training of one encoder.

    `languages`: whose texts it learns and will read; `also`: whose it learns from without ever reading them in service.
    `repeat`: how often a pass draws each row of a set, by file name without ending; `NAME.toward` for the rows of a set
    that name an entity. `written`: how often each sentence written for training (`model/written`) is filled, 0 for
    none.

    All others are off by default. `device`: `auto` takes a GPU where there is one. `precision`: of the forward pass.
    `accumulate`: batches whose gradients make one step. `average`: the decay of a moving average of the weights, which
    is then what is measured and exported; 0 for none. `class_weight_limit`: weigh rows by the inverse frequency of
    their label in their set, at most this much. `label_smoothing`: share of a label's mass that goes to the others.
    `soft_labels`: take the share of annotators that agreed on a label, where a row has it, for the mass of that label.
    """

    languages: tuple[Language, ...] = LANGUAGES
    also: tuple[Language, ...] = ()
    encoder: EncoderConfig = EncoderConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    repeat: dict[str, Annotated[float, msgspec.Meta(ge=0)]] = {}
    written: Annotated[int, msgspec.Meta(ge=0)] = 0
    device: Device = "auto"
    precision: Precision = "fp32"
    accumulate: Count = 1
    average: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    class_weight_limit: Annotated[float, msgspec.Meta(ge=1)] | None = None
    label_smoothing: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    soft_labels: bool = False
    lora: LoraConfig | None = None
    stopping: StoppingConfig | None = None
    teacher: TeacherConfig | None = None
    augmentation: AugmentationConfig | None = None


class TrainingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole model: one or several encoders by name, which together read every language once.

    `wide`: the n-grams beside each of them.
    """

    encoders: dict[Name, RunConfig]
    seed: int = 0
    wide: WideConfig | None = WideConfig()

    def __post_init__(self) -> None:
        read = sorted(language for run in self.encoders.values() for language in run.languages)
        if read != sorted(LANGUAGES):
            raise ValueError(f"the encoders read {read}, and must read each of {list(LANGUAGES)} exactly once")

    @property
    def routes(self) -> dict[Language, str]:
        """The name of the encoder that reads a language."""
        return {language: name for name, run in self.encoders.items() for language in run.languages}


def read_config(path: Path) -> TrainingConfig:
    """Read a configuration.

    Raises:
        ConfigError: the file is absent, is not TOML, or a key or value in it cannot be.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=TrainingConfig)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}. The keys are explained in model/config.py.") from error
