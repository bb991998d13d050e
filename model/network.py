"""The network: one encoder, its mean-pooled output, and two linear heads."""

from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from model.artefact import CHECKPOINT
from model.attention_heads import fit_heads
from model.errors import ArtefactError
from model.labels import SENTIMENTS, TOPIC_IDS

NETWORK: Final = CHECKPOINT
RARE: Final = -3.0  # a topic head that starts at "hardly ever" need not first unlearn "half of the time"


class Network(nn.Module):
    """Token ids to logits, and to the vector that both are read from.

    Args:
        encoder: of `transformers`, without its pooling layer.
        dropout: before the heads, in training.
    """

    encoder: Any  # of torch.nn.Module; the parts of a transformers encoder have no types

    def __init__(self, encoder: PreTrainedModel, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.config.hidden_size
        self.dropout = nn.Dropout(dropout)
        self.sentiment = nn.Linear(width, len(SENTIMENTS))
        self.topics = nn.Linear(width, len(TOPIC_IDS))
        nn.init.constant_(self.topics.bias, RARE)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run a batch.

        Args:
            input_ids: (documents, tokens) int64.
            attention_mask: the same shape, 1 for a token, 0 for padding.

        Returns:
            (documents, 3) and (documents, topics) float32 logits, and the hidden states averaged over the tokens of
            each document, (documents, width), to which dropout has done nothing.
        """
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * weight).sum(dim=1) / weight.sum(dim=1)
        read = self.dropout(pooled)
        return self.sentiment(read), self.topics(read), pooled


def save_network(network: Network, folder: Path) -> None:
    """Write `network.pt`: weights and the encoder's shape, nothing executable."""
    config = network.encoder.config
    kind = {"model_type": config.model_type}
    state: dict[str, Any] = {"config": config.to_diff_dict() | kind, "weights": network.state_dict()}
    temporary = folder / f".{NETWORK}.part"
    torch.save(state, temporary)
    temporary.replace(folder / NETWORK)


def load_network(folder: Path) -> Network:
    """Read `network.pt` without unpickling anything but tensors and plain values.

    Raises:
        ArtefactError: the file is absent, or not what `save_network` writes.
    """
    path = folder / NETWORK
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        config = AutoConfig.for_model(**state["config"])
        network = Network(AutoModel.from_config(config, add_pooling_layer=False))  # type: ignore[no-untyped-call]
        fit_heads(network.encoder, state["weights"])
        network.load_state_dict(state["weights"])
    except FileNotFoundError:
        raise ArtefactError(f"no checkpoint in {folder}: {NETWORK} is missing. `yuqing train` leaves one.") from None
    except Exception as error:  # torch.load raises whatever a damaged file provokes
        raise ArtefactError(f"{path} is not a checkpoint of this network: {error}") from error
    return network
