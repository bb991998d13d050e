"""The techniques that a training run can use beyond plain fine-tuning, as tables of its configuration; all are off
unless named.

What each does is in the module that does it: `model/adapters.py`, `model/stopping.py`, `model/teachers.py`,
`model/augmentation.py`.
"""

from typing import Annotated, Literal

import msgspec

from model.labels import TOPIC_IDS

Precision = Literal["fp32", "bf16", "fp16"]
Device = Literal["auto", "cpu", "cuda"]
_Positive = Annotated[float, msgspec.Meta(gt=0)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Count = Annotated[int, msgspec.Meta(ge=1)]
_Whole = Annotated[int, msgspec.Meta(ge=0)]


class LoraConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Adapters of low rank in place of full fine-tuning (Hu et al. 2022, arXiv:2106.09685).

    `rank`: of the update of a matrix. `alpha`: the update is scaled by alpha / rank. `targets`: last names of the
    modules that get one; the default are the query and value projections as BERT and MPNet call them.
    """

    rank: _Count = 8
    alpha: _Count = 16
    targets: tuple[str, ...] = ("query", "value", "q", "v")
    dropout: _Share = 0.0


class WideConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """N-grams beside every encoder (`model/wide.py`).

    `bits`: the logarithm of the number of buckets to base 2. `at_least`: how many train rows an n-gram must be in.
    `topic_bits`, `topic_at_least`: the same of the table for topics. `strength`: C of the regressions over them.
    `alike`: how strongly texts that differ in a name alone are held to the same sentiment, beside the loss. `written`:
    how often each sentence written for training is filled, to show what is like no labelled set; such texts are left to
    the encoder.
    """

    bits: Annotated[int, msgspec.Meta(ge=1, le=20)] = 18
    at_least: _Count = 2
    topic_bits: Annotated[int, msgspec.Meta(ge=1, le=20)] = 17
    topic_at_least: _Count = 3
    strength: _Positive = 8.0
    alike: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    written: _Count = 3


class StoppingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End a run that no longer gets better on dev parts, and export the pass that was best.

    `patience`: passes without a new best before it ends. `metric`: the name of a set (`NAME.toward` for questions about
    entities) or `mean`, the mean accuracy over sets. `least_gain`: what a new best must gain, a share.
    """

    patience: _Count = 2
    metric: str = "mean"
    least_gain: _Share = 0.0


class TeacherConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Learn from larger models as well (Hinton et al. 2015, arXiv:1503.02531).

    `sentiment`, `topics`: folders of the models that teach each; a weights folder, or one encoder's folder of a build.
    `topic_ids`: the topics that they teach, all if empty: a teacher knows nothing of topics that it never learned.
    `text`: folders of feed items (`*.jsonl.gz`) to learn from without labels, drawn as the set `unlabelled`;
    `text_at_most`: how many of those, 0 for all. `spliced`: how many sentences to make for each text of a set out of
    those of the set (`model/splicing.py`), by set, drawn as the set `spliced`. Folders of teachers are relative to the
    build folder, those of text to the data folder. `temperature`: of the teacher's and the student's answers while they
    are compared. `weight`: of what the teacher says beside the labels.
    """

    sentiment: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    topic_ids: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    text_at_most: _Whole = 0
    spliced: dict[str, Annotated[float, msgspec.Meta(ge=0)]] = {}
    temperature: _Positive = 2.0
    weight: _Positive = 1.0

    def __post_init__(self) -> None:
        if not self.sentiment and not self.topics:
            raise ValueError("a teacher needs folders: sentiment = [...], topics = [...], or both")
        unknown = set(self.topic_ids) - set(TOPIC_IDS)
        if unknown:
            raise ValueError(f"topic_ids holds {sorted(unknown)}, which model/labels.py does not")


class AugmentationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Altered copies of training rows.

    `share`: of the rows of each set that get one copy. Each copy goes through every step below that is on, in this
    order. `back_translation`: two folders of local seq2seq models, there and back, relative to the data folder.
    `entity_mask`: how likely the name of the entity that a row asks about is replaced by `entity_word`; `entity_swap`:
    how likely the name in a row with a sentiment is replaced by that of another row (`model/entity_swap.py`).
    `synonyms`, `deletion`, `swap`: share of the words replaced, left out, or exchanged with their neighbour (Wei and
    Zou 2019, arXiv:1901.11196). `word_list`: a file of synonyms, each line the words of one meaning with commas
    between, relative to the data folder; without it, NLTK's WordNet, which has to be installed.
    """

    share: _Share = 0.5
    back_translation: tuple[str, ...] = ()
    entity_mask: _Share = 0.0
    entity_word: str = "the company"
    entity_swap: _Share = 0.0
    synonyms: _Share = 0.0
    word_list: str = ""
    deletion: _Share = 0.0
    swap: _Share = 0.0

    def __post_init__(self) -> None:
        if len(self.back_translation) not in (0, 2):
            raise ValueError("back_translation takes two folders: a model there, and a model back")
