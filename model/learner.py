"""One step of training: forward, loss, backward, AdamW, on whatever device and in whatever precision a run asks for.

The state of a learner is all that a step depends on beside the configuration; dropout is seeded by the step's number.
"""

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from model.adapters import adapt, merged
from model.config import RunConfig, ScheduleConfig
from model.corpus import Batch
from model.errors import ConfigError
from model.losses import lesson_loss, sentiment_loss, topic_loss
from model.network import Network
from model.techniques import Device, Precision

CLIP: Final = 1.0
_TYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def factor(step: int, total: int, schedule: ScheduleConfig) -> float:
    """The learning rate of a step as a share of its peak: up, flat, down to nearly nothing."""
    rise = max(1, round(schedule.warm_up * total))
    fall = max(1, round(schedule.decay * total))
    return max(0.0, min(1.0, (step + 1) / rise, (total - step) / fall))


def chosen_device(asked: Device) -> torch.device:
    """Where to compute.

    Raises:
        ConfigError: a GPU is asked for and there is none.
    """
    if asked == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device = 'cuda', and torch finds no GPU here: take 'auto' or 'cpu'")
    return torch.device("cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu")


def ready(network: Network, device: torch.device, precision: Precision) -> Network:
    """The network on a device, with the attention that is quickest there in a precision."""
    if device.type == "cpu" and precision != "fp32":
        # On a CPU torch's fused attention is made for fp32: in bf16 plain products take a third of its time.
        network.encoder.set_attn_implementation("eager")
    return network.to(device)


def lowered(device: torch.device, precision: Precision) -> torch.autocast:
    """The context in which forward passes run in a precision."""
    return torch.autocast(device.type, dtype=_TYPES[precision], enabled=precision != "fp32")


class Learner:
    """A network in training.

    Args:
        network: trained in place, moved to the device, given adapters if the run asks for them.
        run: how.
        seed: of dropout and of adapters.
    """

    def __init__(self, network: Network, run: RunConfig, *, seed: int) -> None:
        self.device = chosen_device(run.device)
        if run.lora is not None:
            torch.manual_seed(seed)
            adapt(network, run.lora)
        self.network = ready(network, self.device, run.precision)
        self._run, self._seed = run, seed
        self._optimizer = _optimizer(network, run.schedule)
        # fp16 has few exponents: without a scale, small gradients would round to nothing.
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=run.precision == "fp16")
        self._average: AveragedModel | None = None
        if run.average:
            decay = get_ema_multi_avg_fn(run.average)  # type: ignore[no-untyped-call]
            self._average = AveragedModel(network, multi_avg_fn=decay)

    @property
    def shown(self) -> Network:
        """The network to measure: the moving average of the weights, if there is one."""
        return self.network if self._average is None else self._average.module  # type: ignore[return-value]

    @property
    def exported(self) -> Network:
        """The network to export: as `shown`, with adapters merged."""
        return merged(self.shown)

    def step(self, batches: Sequence[Batch], step: int, total: int) -> Tensor:
        """Take step number `step` of `total` on the mean loss of the batches, and return that loss.

        It is a scalar on the device: who asks for its value waits until the step is over.
        """
        torch.manual_seed(self._seed * 1_000_003 + step)
        share = factor(step, total, self._run.schedule)
        for group in self._optimizer.param_groups:
            group["lr"] = share * group["peak"]
        self._optimizer.zero_grad(set_to_none=True)
        summed = torch.zeros((), device=self.device)
        for batch in batches:
            loss = self._loss(batch.to(self.device)) / len(batches)
            self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            summed += loss.detach()
        self._scaler.unscale_(self._optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            self._average.update_parameters(self.network)
        return summed

    def _loss(self, batch: Batch) -> Tensor:
        with lowered(self.device, self._run.precision):
            sentiment, topics, _ = self.network(batch.ids, batch.mask)
        sentiment, topics = sentiment.float(), topics.float()
        loss = sentiment_loss(sentiment, batch.allowed, batch.considered, batch.weight, batch.certainty)
        loss = loss + topic_loss(topics, batch.topics, batch.topic_mask, batch.exclusive, batch.weight)
        teacher = self._run.teacher
        if teacher is not None:
            lesson = (batch.lesson_sentiment, batch.lesson_topics)
            loss = loss + teacher.weight * lesson_loss(sentiment, topics, *lesson, teacher.temperature)
        return loss

    def state(self) -> dict[str, Any]:
        """For a checkpoint: plain values and tensors."""
        return {
            "weights": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "average": None if self._average is None else self._average.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """From a checkpoint of a run of the same techniques; the peak learning rates stay those of this run."""
        peaks = [group["peak"] for group in self._optimizer.param_groups]
        self.network.load_state_dict(state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])
        for group, peak in zip(self._optimizer.param_groups, peaks, strict=True):
            group["peak"] = peak
        self._scaler.load_state_dict(state.get("scaler", {}))
        if self._average is not None and state.get("average"):
            self._average.load_state_dict(state["average"])


def _optimizer(network: Network, schedule: ScheduleConfig) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = []
    for heads in (False, True):
        for decays in (False, True):
            peak = schedule.head_learning_rate if heads else schedule.learning_rate
            chosen = [
                weight
                for name, weight in network.named_parameters()
                if weight.requires_grad and name.startswith("encoder.") != heads and (weight.ndim > 1) == decays
            ]
            decay = schedule.weight_decay if decays else 0.0
            groups.append({"params": chosen, "lr": peak, "peak": peak, "weight_decay": decay})
    return torch.optim.AdamW(groups, fused=True)
