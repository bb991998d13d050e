"""The data folder made ready for training: split, tokenised, and every part with its targets.

A corpus is one table of tensors, which may lie on a GPU: a batch is then picked there, and no step waits for a copy.
"""

import gzip
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, fields
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor

from model.characters import question
from model.datasets import Example, Sets, document_rows, entity_examples, examples
from model.errors import UNREADABLE_JSON
from model.labels import SENTIMENTS, TOPIC_IDS
from model.splits import Part


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one step; see `model/losses.py` for the shapes of the targets."""

    ids: Tensor
    mask: Tensor
    allowed: Tensor
    considered: Tensor
    topics: Tensor
    topic_mask: Tensor
    exclusive: Tensor
    weight: Tensor
    certainty: Tensor
    lesson_sentiment: Tensor
    lesson_topics: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


def part_examples(sets: Sets, part: Part, *, limit: int | None = None, toward: bool = True) -> list[Example]:
    """One part of all sets as examples, at most `limit` rows a set; `toward` has rows ask about entities as well."""
    found: list[Example] = []
    for name, (task, rows) in sets.items():
        chosen = rows[part][:limit]
        found += examples(document_rows(chosen), task, name)
        found += entity_examples(chosen, task, name) if toward else []
    return found


def more_text(folders: Iterable[Path]) -> Iterator[str]:
    """Titles and leads of the feed items (`*.jsonl.gz`) in folders; what is absent or unreadable is passed over."""
    for folder in folders:
        for path in sorted(folder.glob("*.jsonl.gz")):
            with gzip.open(path, "rb") as stream:
                for line in stream:
                    try:
                        item = msgspec.json.decode(line)
                    except UNREADABLE_JSON:
                        continue
                    yield " ".join(str(item.get(key) or "") for key in ("title", "description", "summary"))


class Corpus:
    """Examples with their token ids.

    Args:
        chosen: the examples.
        tokenizer: truncating or not; ids are cut at `max_tokens` either way.
        max_tokens: begin and end marks included.
        pad_id: of padding.
    """

    def __init__(self, chosen: list[Example], tokenizer: Tokenizer, max_tokens: int, *, pad_id: int) -> None:
        tokenizer.enable_truncation(max_tokens)
        inputs = [question(one.text, one.entity) for one in chosen]
        self.examples = chosen
        rows = [encoding.ids for encoding in tokenizer.encode_batch_fast(inputs)]
        self.lengths = [len(ids) for ids in rows]
        self.sources = [one.source for one in chosen]
        ids = np.full((len(rows), max(self.lengths, default=0)), pad_id, dtype=np.int32)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
        self._ids, self._lengths = torch.from_numpy(ids), torch.tensor(self.lengths)
        self._targets = _targets(chosen)

    def __len__(self) -> int:
        return len(self.examples)

    def batch(self, places: list[int]) -> Batch:
        """Collect examples into tensors, padded to the longest, where the corpus lies."""
        longest = max(self.lengths[place] for place in places)
        device = self._ids.device
        at = torch.tensor(places)
        if device.type == "cuda":
            at = at.pin_memory().to(device, non_blocking=True)
        mask = torch.arange(longest, device=device) < self._lengths[at, None]
        targets = {name: values[at] for name, values in self._targets.items()}
        return Batch(ids=self._ids[:, :longest][at].long(), mask=mask.long(), **targets)

    def on(self, device: torch.device) -> "Corpus":
        """The same corpus on a device."""
        moved = copy(self)
        moved._ids, moved._lengths = self._ids.to(device), self._lengths.to(device)
        moved._targets = {name: values.to(device) for name, values in self._targets.items()}
        return moved


def _targets(chosen: Sequence[Example]) -> dict[str, Tensor]:
    """All targets of a `Batch`, by name."""
    none = np.zeros((0, len(TOPIC_IDS)), dtype=np.float32)
    return {
        "allowed": _flags([one.allowed for one in chosen]),
        "considered": _flags([one.considered for one in chosen]),
        "topics": torch.from_numpy(np.stack([one.topics for one in chosen]) if chosen else none),
        "topic_mask": torch.from_numpy(np.stack([one.mask for one in chosen]) if chosen else none),
        "exclusive": torch.tensor([one.exclusive for one in chosen], dtype=torch.bool),
        "weight": torch.tensor([one.weight for one in chosen], dtype=torch.float32),
        "certainty": torch.tensor([one.certainty for one in chosen], dtype=torch.float32),
        "lesson_sentiment": _lessons([one.lesson and one.lesson[0] for one in chosen], len(SENTIMENTS)),
        "lesson_topics": _lessons([one.lesson and one.lesson[1] for one in chosen], len(TOPIC_IDS)),
    }


def _flags(rows: list[tuple[int, ...]]) -> Tensor:
    flags = torch.zeros(len(rows), len(SENTIMENTS), dtype=torch.bool)
    for row, places in enumerate(rows):
        flags[row, list(places)] = True
    return flags


def _lessons(rows: Sequence[npt.NDArray[np.float32] | None], width: int) -> Tensor:
    untaught = np.full(width, np.nan, dtype=np.float32)
    if all(row is None for row in rows):
        return torch.from_numpy(untaught).expand(len(rows), width)  # takes no room
    return torch.from_numpy(np.stack([untaught if row is None else row for row in rows]))
