"""The weights folder: what is in it, how it is written, and how it is checked before use.

```
weights/
├── manifest.json      version, labels, thresholds, routes, measurements, and the SHA-256 of every other file
├── drift.json         what text looked like that the model was measured on (model/drift_profile.py); may be absent
└── ENCODER/           one folder for each encoder; `routes` says which language it reads
    ├── model.int8.onnx
    ├── tokenizer.json
    └── wide.npz       n-grams beside the encoder (model/wide.py); may be absent
```
Nothing in it is executable, nothing is unpickled, and nothing is fetched.
"""

import datetime
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from model.errors import UNREADABLE_JSON, ArtefactError
from model.labels import SENTIMENTS, TOPIC_IDS
from model.routing import LANGUAGES, Language

FORMAT: Final = 2
MANIFEST: Final = "manifest.json"
DRIFT: Final = "drift.json"
TOKENIZER: Final = "tokenizer.json"
ONNX_INT8: Final = "model.int8.onnx"
CHECKPOINT: Final = "network.pt"  # what training leaves in a folder of a build: see model/network.py
WIDE: Final = "wide.npz"
COMMITTED: Final = Path(__file__).parent / "weights"


class EncoderPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One encoder: `max_tokens` read of a text, begin and end marks included, and the id of padding.

    `wide`: whether n-grams beside it have a say in the sentiment of whole texts.
    """

    max_tokens: int
    pad_id: int
    wide: bool = False


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a weights folder says about itself.

    `thresholds` has one probability for each of `topics`; one above 1 means that the label is never reported.
    `routes` maps a language to the name of the encoder that reads it, `files` a path to its SHA-256 in hexadecimal.
    Measured when it was made (`model/scorecard.py`): `metrics` by set on test parts, `behaviour` by capability.
    """

    format: int
    model_version: str
    sentiments: tuple[str, ...]
    topics: tuple[str, ...]
    encoders: dict[str, EncoderPart]
    routes: dict[Language, str]
    thresholds: tuple[float, ...]
    files: dict[str, str]
    metrics: dict[str, Any] = {}
    behaviour: dict[str, dict[str, float]] = {}
    training: dict[str, Any] = {}


def reader_files(encoders: Mapping[str, EncoderPart]) -> list[str]:
    """The files that reading needs, and that the version is made from, of encoders by name."""
    return [
        f"{name}/{file}"
        for name, part in encoders.items()
        for file in (ONNX_INT8, TOKENIZER, *([WIDE] if part.wide else []))
    ]


def digest_of(files: Mapping[str, str]) -> str:
    """Eight characters that change with any of the files that reading needs; `files` maps those to their SHA-256."""
    return hashlib.sha256("".join(files.values()).encode()).hexdigest()[:8]


def version_of(files: Mapping[str, str]) -> str:
    """What a model made today of these files is called; `files` as for `digest_of`."""
    return f"yuqing-{datetime.datetime.now(datetime.UTC):%Y%m%d}-{digest_of(files)}"


def sha256(path: Path) -> str:
    """Hash one file, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json`, by way of a temporary file, so that a reader sees all of it or the one before."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    temporary = folder / f".{MANIFEST}.part"
    temporary.write_bytes(text + b"\n")
    temporary.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest and check the folder against it.

    Raises:
        ArtefactError: the folder or a file is absent, a hash differs, the format is another, or the labels are not
            those of `model/labels.py`.
    """
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise ArtefactError(
            f"no weights in {folder}: {MANIFEST} is missing. Run `yuqing train` to make some."
        ) from None
    except (OSError, *UNREADABLE_JSON) as error:
        raise ArtefactError(f"{path} cannot be read: {error}. Check the folder out again.") from error
    _check_shape(path, manifest)
    for name, expected in manifest.files.items():
        _check_file(folder, name, expected)
    return manifest


def _check_shape(path: Path, manifest: Manifest) -> None:
    if manifest.format != FORMAT:
        raise ArtefactError(f"{path} has format {manifest.format}, this version reads {FORMAT}: upgrade or retrain.")
    if manifest.sentiments != SENTIMENTS or manifest.topics != TOPIC_IDS:
        raise ArtefactError(f"{path} was made for other labels than model/labels.py has: retrain.")
    shortest = min((one.max_tokens for one in manifest.encoders.values()), default=0)
    if len(manifest.thresholds) != len(manifest.topics) or shortest < 3:
        raise ArtefactError(f"{path} holds thresholds or a token limit that cannot be: retrain.")
    if set(manifest.routes) != set(LANGUAGES) or not set(manifest.routes.values()) <= set(manifest.encoders):
        raise ArtefactError(f"{path} does not say which of its encoders reads which language: retrain.")
    missing = set(reader_files(manifest.encoders)) - set(manifest.files)
    if missing:
        raise ArtefactError(f"{path} vouches for no {', '.join(sorted(missing))}: retrain.")


def _check_file(folder: Path, name: str, expected: str) -> None:
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ArtefactError(f"{folder / MANIFEST} names a file outside its folder: {name!r}.")
    if not path.is_file():
        raise ArtefactError(f"{path} is missing although the manifest lists it. Check the folder out again.")
    found = sha256(path)
    if found != expected:
        raise ArtefactError(
            f"{path} is not the file that the manifest describes (SHA-256 {found[:12]}…, expected {expected[:12]}…). "
            "Check the folder out again."
        )
