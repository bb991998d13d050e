"""An engine on a device that may go away, with one behind it that cannot."""

import threading
from collections.abc import Callable
from typing import TypeVar

from model.engine_events import EngineEvent, OnEvent, log_event
from model.engines import Engine, FloatArray, IntArray
from model.errors import DeviceLostError, DeviceMemoryError

R = TypeVar("R")


class DeviceWatch:
    """Whether a device still answers: one for all engines on it, so that its loss is noticed and told once.

    Lost is lost: a process cannot have back what it had on a device that failed. Restart it for another try.
    """

    def __init__(self, on_event: OnEvent = log_event) -> None:
        self.on_event = on_event
        self._lock = threading.Lock()
        self.lost = False

    def lose(self, engine: str, detail: str) -> None:
        """Gives the device up."""
        with self._lock:
            first, self.lost = not self.lost, True
        if first:
            self.on_event(EngineEvent("device_lost", engine, f"{detail}; the CPU answers until a restart"))


class FallbackEngine:
    """Answers with `first` while its device lives, then with `spare`; a batch under way is answered again.

    Args:
        first: raises DeviceLostError when its device is gone, DeviceMemoryError when nothing at all fits it any more.
        spare: loaded from the start, so that it runs the very file that `first` does, whatever lies there later.
        watch: of the device.
    """

    def __init__(self, first: Engine, spare: Engine, watch: DeviceWatch) -> None:
        self._first = first
        self._spare = spare
        self._watch = watch
        self.embedding_width = first.embedding_width if spare.embedding_width is not None else None

    @property
    def name(self) -> str:
        """The name of the engine that answers now."""
        return self._now.name

    @property
    def _now(self) -> Engine:
        return self._spare if self._watch.lost else self._first

    def logits(self, ids: IntArray, mask: IntArray) -> tuple[FloatArray, FloatArray]:
        """See `Engine.logits`."""
        return self._answer(lambda engine: engine.logits(ids, mask))

    def embeddings(self, ids: IntArray, mask: IntArray) -> FloatArray:
        """See `Engine.embeddings`."""
        return self._answer(lambda engine: engine.embeddings(ids, mask))

    def _answer(self, ask: Callable[[Engine], R]) -> R:
        engine = self._now
        try:
            return ask(engine)
        except (DeviceLostError, DeviceMemoryError) as error:
            if engine is self._spare:
                raise
            self._watch.lose(engine.name, str(error))
        return ask(self._spare)
