"""Texts translated there and back by two local seq2seq models: paraphrases (Sennrich et al. 2016, arXiv:1511.06709).

Translations are kept in a file, one JSON object a line, so that a run that was killed repeats none.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import torch
from rich.console import Console
from rich.progress import track

from model.errors import UNREADABLE_JSON, ConfigError
from model.learner import chosen_device

BATCH: Final = 16
LONGEST: Final = 256  # tokens of a translation
Translate = Callable[[Sequence[str]], list[str]]


class _Kept(msgspec.Struct, frozen=True):
    text: str
    back: str


def back_translated(texts: Sequence[str], there: Path, back: Path, kept: Path) -> list[str]:
    """Translate texts there and back, in order.

    Args:
        texts: what to paraphrase.
        there: folder of the model that translates them.
        back: folder of the model that translates the result back.
        kept: the file of translations made before; a new one is added to it as soon as it is made.

    Raises:
        ConfigError: a folder holds no seq2seq model.
    """
    known = _read(kept)
    missing = sorted({text for text in texts if text not in known}, key=len)
    if missing:
        forth, home = translator(there), translator(back)
        with kept.open("ab") as stream:
            for start in track(range(0, len(missing), BATCH), "translate", console=Console(stderr=True)):
                batch = missing[start : start + BATCH]
                for text, result in zip(batch, home(forth(batch)), strict=True):
                    known[text] = result
                    stream.write(msgspec.json.encode(_Kept(text, result)) + b"\n")
                stream.flush()
    return [known[text] for text in texts]


def translator(folder: Path) -> Translate:
    """Load a seq2seq model of `transformers` from a folder; nothing is fetched.

    Raises:
        ConfigError: the folder holds none.
    """
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        network: Any = AutoModelForSeq2SeqLM.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder} holds no seq2seq model that transformers can load: {error}") from error
    device = chosen_device("auto")
    network.to(device).eval()

    def translate(texts: Sequence[str]) -> list[str]:
        said = [text for text in texts if text.strip()]  # a poor model may answer with nothing, which cannot go back
        answers = iter(generate(said) if said else [])
        return [next(answers) if text.strip() else "" for text in texts]

    def generate(texts: Sequence[str]) -> list[str]:
        inputs = tokenizer(list(texts), return_tensors="pt", padding=True, truncation=True, max_length=LONGEST)
        with torch.inference_mode():
            found = network.generate(
                input_ids=inputs["input_ids"].to(device),
                attention_mask=inputs["attention_mask"].to(device),
                max_new_tokens=LONGEST,
                do_sample=False,
            )
        return list(tokenizer.batch_decode(found, skip_special_tokens=True))

    return translate


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    found = {}
    for line in path.read_bytes().splitlines():
        try:
            one = msgspec.json.decode(line, type=_Kept)
        except UNREADABLE_JSON:
            continue  # the last line of a run that was killed
        found[one.text] = one.back
    return found
