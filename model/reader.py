"""One encoder ready to read: how text is cut for it, and what runs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from model.artefact import TOKENIZER, WIDE, EncoderPart
from model.characters import simplified
from model.engines import Engine, FloatArray, IntArray
from model.errors import ArtefactError
from model.wide import WidePart, load_wide

ENTITY_CHARACTERS: Final = 100
# No piece of a vocabulary spans more than 20 characters, so what lies beyond cannot be among the tokens kept.
CHARACTERS_PER_TOKEN: Final = 20


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text as token ids for one encoder, begin and end marks included, never empty, at most its `max_tokens`.

    `toward`: whether an entity is asked about, whose name comes before the text.
    """

    ids: list[int]
    encoder: str = ""
    toward: bool = False

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Reader:
    """One encoder: its `name` in the manifest, its shape, its tokenizer, its engine, and the n-grams beside it."""

    name: str
    part: EncoderPart
    tokenizer: Tokenizer
    engine: Engine
    wide: WidePart | None = None

    @classmethod
    def load(cls, folder: Path, part: EncoderPart, engine: Engine, *, wide: bool = True) -> "Reader":
        """Load the encoder of a folder, which is named after it, around an engine that has its weights; without
        `wide`, the encoder alone.

        Raises:
            ArtefactError: a file is absent or unreadable.
        """
        beside = load_wide(folder / WIDE) if part.wide and wide else None
        return cls(folder.name, part, _tokenizer(folder / TOKENIZER, part), engine, beside)

    def encode(self, texts: Sequence[str], toward: Sequence[str | None]) -> list[Tokens]:
        """Cut texts, each with the entity that is asked about or None."""
        inputs = [
            self.shown(text) if entity is None else (readable_entity(entity), self.shown(text))
            for text, entity in zip(texts, toward, strict=True)
        ]
        encodings = self.tokenizer.encode_batch(inputs)
        return [
            Tokens(encoding.ids, self.name, entity is not None)
            for encoding, entity in zip(encodings, toward, strict=True)
        ]

    def shown(self, text: str) -> str:
        """What the tokenizer is shown of a text."""
        return readable(text, self.part.max_tokens * CHARACTERS_PER_TOKEN)

    def logits(self, batch: Sequence[Tokens]) -> tuple[FloatArray, FloatArray]:
        """One forward pass, padded to the longest; in the sentiment and topics of whole texts, n-grams have a say.

        They have none where an entity is asked about: they cannot tell which company a word is about.
        """
        sentiment, topics = self.engine.logits(*_pad(batch, self.part.pad_id))
        whole = [place for place, tokens in enumerate(batch) if not tokens.toward]
        if self.wide is not None and whole:
            ids = [batch[place].ids for place in whole]
            sentiment, topics = sentiment.copy(), topics.copy()  # what an engine returns may not be written to
            sentiment[whole] = self.wide.beside(sentiment[whole], ids)
            if self.wide.topics is not None:
                topics[whole] = self.wide.topics.beside(topics[whole], ids)
        return sentiment, topics

    def embeddings(self, batch: Sequence[Tokens]) -> FloatArray:
        """One forward pass for (documents, engine.embedding_width) float32, each row brought to length 1."""
        found = self.engine.embeddings(*_pad(batch, self.part.pad_id))
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


def readable(text: str, limit: int) -> str:
    """What is read of a text: white space made single, `limit` characters, traditional characters as simplified."""
    # Runs of white space would use up the limit; lone surrogates, which JSON can smuggle in, have no UTF-8 form.
    head = " ".join(text[: 4 * limit].split())[:limit]
    return simplified(head.encode("utf-8", "replace").decode("utf-8"))


def readable_entity(name: str) -> str:
    """What is read of an entity's name."""
    return readable(name, ENTITY_CHARACTERS)


def _tokenizer(path: Path, part: EncoderPart) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exception
        raise ArtefactError(f"{path} is not a readable tokenizer: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(part.max_tokens)
    return tokenizer


def _pad(batch: Sequence[Tokens], pad_id: int) -> tuple[IntArray, IntArray]:
    longest = max(len(item) for item in batch)
    ids = np.full((len(batch), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(batch), longest), dtype=np.int64)
    for row, item in enumerate(batch):
        ids[row, : len(item)] = item.ids
        mask[row, : len(item)] = 1
    return ids, mask
