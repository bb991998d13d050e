"""A campaign: so many inputs for every parser, in processes that may die, and go on where an earlier one stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from target import Target
from trial_process import Chunk, Done, Worker

__all__ = ["Campaign", "shares", "sources_digest"]

_ROOT = Path(__file__).parents[2]
_CHUNK = 250


def shares(targets: Mapping[str, Target], inputs: int) -> dict[str, int]:
    """How many inputs each target gets; they add up to `inputs`."""
    whole = sum(target.share for target in targets.values())
    counts = {name: int(inputs * target.share / whole) for name, target in targets.items()}
    counts[next(iter(counts))] += inputs - sum(counts.values())
    return counts


def sources_digest() -> str:
    """Of our code and of the fuzzer: a campaign goes on only where neither has changed."""
    digest = hashlib.blake2b(digest_size=8)
    for folder in ("stream", "storage", "model", "alerts", "deploy", "tests/fuzz"):
        for file in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


class Campaign:
    """Feeds `targets` with `inputs` in all. `report` is kept up to date; `begin_with` is one to go on from.

    `load` gives the targets in a worker process, which imports it by name.
    """

    def __init__(
        self,
        load: Callable[[], Mapping[str, Target]],
        *,
        inputs: int,
        seed: int,
        folder: Path,
        workers: int = 1,
        begin_with: dict[str, Any] | None = None,
    ) -> None:
        self._load, self._seed, self._folder, self._workers = load, seed, folder, workers
        self._wanted = shares(load(), inputs)
        blank: dict[str, Any] = {"inputs": 0, "survived": 0, "refused": 0, "seconds": 0.0, "failures": []}
        self.report: dict[str, Any] = begin_with or {
            "seed": seed,
            "wanted": inputs,
            "inputs": 0,
            "seconds": 0.0,
            "failures": 0,
            "digest": sources_digest(),
            "targets": {name: {**blank, "failures": []} for name in self._wanted},
        }

    def run(self, note: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Runs to the end; `note` is told the report after every chunk."""
        chunks, began, before = self._chunks(), monotonic(), self.report["seconds"]
        workers = [Worker(self._load, self._seed, self._folder) for _ in range(self._workers)]
        idle = {worker for worker in workers if worker.give(next(chunks, None))}
        try:
            while idle:
                for worker in [one for one in idle if one.ready(0.2)]:
                    self._book(worker.take())
                    self.report["seconds"] = round(before + monotonic() - began, 1)
                    note(self.report)
                    if not worker.give(next(chunks, None)):
                        idle.discard(worker)
        finally:
            for worker in workers:
                worker.end()
        return self.report

    def _chunks(self) -> Iterator[Chunk]:
        """Round after round, so that each target has its share however early it ends."""
        done = {name: self.report["targets"][name]["inputs"] for name in self._wanted}
        rounds = max(-(-wanted // _CHUNK) for wanted in self._wanted.values())
        for turn in range(1, rounds + 1):
            for name, wanted in self._wanted.items():
                end = wanted * turn // rounds
                if end > done[name]:
                    yield Chunk(name, done[name], end)
                    done[name] = end

    def _book(self, done: Done) -> None:
        entry = self.report["targets"][done.chunk.target]
        entry["inputs"] += done.chunk.end - done.chunk.start
        entry["survived"] += done.survived
        entry["refused"] += done.refused
        entry["seconds"] = round(entry["seconds"] + done.seconds, 2)
        self.report["inputs"] += done.chunk.end - done.chunk.start
        for number, failure in done.failures:
            self.report["failures"] += 1
            kind = (failure.error.split(":")[0], failure.where)
            known = next((one for one in entry["failures"] if (one["error"].split(":")[0], one["where"]) == kind), None)
            if known:
                known["count"] += 1
                continue
            name = f"{failure.target}-{self._seed}-{number}.bin"
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / name).write_bytes(failure.data)
            entry["failures"].append(
                {"error": failure.error, "where": failure.where, "number": number, "file": name, "count": 1}
            )
