"""Which faults, in which order, for a seed: a deck with each kind's share in it, shuffled."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from fault_kinds import (
    CutConnections,
    Fault,
    FlushRedis,
    KillWorker,
    LoseBroker,
    LoseService,
    Rebalance,
    RepeatSlice,
    RestartService,
    StallConnections,
    SuspendWorker,
)

__all__ = ["SHARES", "fault_schedule"]

SHARES = {
    "kill": 31,
    "suspend": 16,
    "cut": 15,
    "stall": 8,
    "unreachable": 7,
    "rebalance": 7,
    "kafka_crash": 3,
    "kafka_restart": 2,
    "postgres_crash": 3,
    "postgres_restart": 2,
    "redis_restart": 2,
    "flush": 3,
    "repeat": 3,
}
"""Of a hundred faults, about so many are of each kind; of each there is at least one."""

_ZOMBIE = 0.2
"""This share of suspensions outlasts the sessions of both consumer groups (10 and 15 s)."""

Make = Callable[[random.Random], Fault]


def fault_schedule(seed: int, count: int, *, brokers: Sequence[str], loses: str | None = None) -> list[Fault]:
    """`count` faults in the order of their turn; the same for the same arguments.

    `loses` names a broker that is killed for good half way; what would befall it afterwards befalls another.
    Raises ValueError where there are fewer faults than kinds.
    """
    draw = random.Random(seed)
    kinds = list(_deck(count - (loses is not None)))
    draw.shuffle(kinds)
    makers = _makers(brokers)
    faults = [makers[kind](draw) for kind in kinds]
    if loses is not None:
        half = count // 2
        others = [name for name in brokers if name != loses]
        after = [
            replace(fault, target=draw.choice(others)) if fault.target == loses else fault  # type: ignore[type-var]
            for fault in faults[half:]
        ]
        faults = [*faults[:half], LoseBroker(loses), *after]
    return faults


def _deck(count: int) -> Iterator[str]:
    """Kinds by their shares: one of each first, then always the one that lacks most."""
    if count < len(SHARES):
        raise ValueError(f"{count} faults are fewer than the {len(SHARES)} kinds")
    total = sum(SHARES.values())
    dealt: Counter[str] = Counter(SHARES.keys())
    for _ in range(count - len(SHARES)):
        dealt[max(SHARES, key=lambda kind: SHARES[kind] / total * count - dealt[kind])] += 1
    yield from dealt.elements()


def _makers(brokers: Sequence[str]) -> dict[str, Make]:
    staff = [f"{role}-{number}" for role in ("scorer", "windows", "alerts") for number in (1, 2)]
    services = [*brokers, "postgres", "redis"]
    return {
        "kill": lambda draw: KillWorker(draw.choice(staff), round(draw.uniform(0, 1.5), 2)),
        "suspend": lambda draw: SuspendWorker(draw.choice(staff), _suspension(draw)),
        "cut": lambda draw: CutConnections(draw.choice(services)),
        "stall": lambda draw: StallConnections(draw.choice(services), round(draw.uniform(0.5, 5), 2)),
        "unreachable": lambda draw: LoseService(draw.choice(services), round(draw.uniform(0.5, 4), 2)),
        "rebalance": lambda draw: Rebalance(draw.choice(("scorer-3", "windows-3")), round(draw.uniform(5, 10), 2)),
        "kafka_crash": lambda draw: RestartService(draw.choice(brokers), round(draw.uniform(0, 2), 2), hard=True),
        "kafka_restart": lambda draw: RestartService(draw.choice(brokers), round(draw.uniform(0, 2), 2)),
        "postgres_crash": lambda draw: RestartService("postgres", round(draw.uniform(0, 2), 2), hard=True),
        "postgres_restart": lambda draw: RestartService("postgres", round(draw.uniform(0, 2), 2)),
        "redis_restart": lambda draw: RestartService("redis", round(draw.uniform(0, 2), 2), hard=draw.random() < 0.5),
        "flush": lambda _: FlushRedis(),
        "repeat": lambda _: RepeatSlice(),
    }


def _suspension(draw: random.Random) -> float:
    return round(draw.uniform(16, 20) if draw.random() < _ZOMBIE else draw.uniform(0.5, 5), 2)
