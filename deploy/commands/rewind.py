"""`yuqing rewind scorer|windows`: reads a stretch of the log again, after saying what that means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deploy.errors import UsageError
from deploy.output import emit, table
from deploy.role_process import running_roles
from deploy.services import Services, open_services, topics_of
from deploy.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from stream.rewinding import Member, Partition, Step

__all__ = ["EARLIEST", "ROLES", "rewind"]

ROLES = ("scorer", "windows")
EARLIEST = "earliest"


@dataclass(frozen=True)
class _Group:
    """What is to be taken back: the role, its consumer group, and the topics it reads, the main one first."""

    role: str
    name: str
    topics: tuple[str, ...]


def rewind(
    settings: Settings, role: str, *, to: str | None, to_offset: Sequence[str], apply: bool, as_json: bool
) -> int:
    """Shows where each partition of the role would go, and with `apply` takes it there; returns 0.

    Raises UsageError for a target that is none, RewindError where the role is at work or records would be skipped.
    """
    from storage.connection import connect
    from stream.rewinding import RewindError, members

    group = _group(settings, role)
    _refuse_unclear(to, to_offset)
    with open_services(settings) as services:
        engine = connect(services.database_url, pool_size=1)
        try:
            steps = _steps(services, engine, group, to, to_offset)
            working = members(services.kafka, group.name)
            if apply and working:
                raise RewindError(_how_to_stop(settings, group, working))
            if apply:
                _take_back(services, engine, group, [step for step in steps if step.records])
        finally:
            engine.dispose()
    emit(_result(group, steps, working, applied=apply), as_json, _worded)
    return 0


def _group(settings: Settings, role: str) -> _Group:
    topics = topics_of(settings)
    read = {"scorer": topics.incoming, "windows": (topics.scored, topics.dead)}
    if role not in read:
        raise UsageError(f"{role!r} reads no topic; say {' or '.join(ROLES)}")
    return _Group(role, f"{settings.kafka.group}-{role}", read[role])


def _refuse_unclear(to: str | None, to_offset: Sequence[str]) -> None:
    if (to is None) == (not to_offset):
        raise UsageError("say where to, one way: --to TIME, --to earliest, or --to-offset PARTITION:OFFSET …")


def _steps(services: Services, engine: Engine, group: _Group, to: str | None, to_offset: Sequence[str]) -> list[Step]:
    from storage.rewound_positions import standing
    from stream.rewinding import committed, first_since, plan, refuse_skipping
    from stream.topics import spans

    ends = spans(services.kafka, *group.topics)
    if group.role == "scorer":
        stands = committed(services.kafka, group.name, ends)
    else:
        with engine.connect() as connection:
            stands = standing(connection, group.topics)
    if to is None:
        asked = dict(_place(one, group.topics) for one in to_offset)
        refuse_skipping(stands, {one: offset for one, offset in asked.items() if one in ends})
    elif to == EARLIEST:
        asked = dict.fromkeys(ends, 0)
    else:
        found = first_since(services.kafka, ends, _moment(to))
        # Where all that is kept is newer, what is no longer kept may have been meant too.
        asked = {one: 0 if offset == ends[one][0] else offset for one, offset in found.items()}
    return plan(stands, ends, asked)


def _take_back(services: Services, engine: Engine, group: _Group, steps: Sequence[Step]) -> None:
    from storage.rewound_positions import take_back
    from stream.rewinding import move_group

    if group.role == "windows":  # its place is in PostgreSQL (decision 0006); what Kafka holds nobody reads
        with engine.begin() as connection:
            take_back(connection, {(step.topic, step.partition): step.goes for step in steps})
    elif steps:
        move_group(services.kafka, group.name, steps)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--to is {text!r}; give a time such as 2026-03-01T08:00Z (UTC), or earliest") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _place(text: str, topics: Sequence[str]) -> tuple[Partition, int]:
    topic, _, partition = text.rpartition(":")[0].rpartition(":")
    offset = text.rpartition(":")[2]
    if not (partition.isdecimal() and offset.isdecimal()) or (topic and topic not in topics):
        raise UsageError(f"{text!r} is not PARTITION:OFFSET or TOPIC:PARTITION:OFFSET, such as {topics[0]}:0:1234")
    return (topic or topics[0], int(partition)), int(offset)


def _how_to_stop(settings: Settings, group: _Group, working: Sequence[Member]) -> str:
    here = {one.role: one.pid for one in running_roles(settings.state_folder)}
    hosts = ", ".join(sorted({one.host for one in working}))
    if group.role in here:
        how = f"it runs here as process {here[group.role]}; stop `yuqing up` (Ctrl-C, or systemctl stop yuqing)"
    else:
        how = f"it runs on {hosts}; stop it there (systemctl stop yuqing, docker compose stop, kubectl scale)"
    return (
        f"{len(working)} member(s) of {group.name} are at work and would read on meanwhile: {how}, then rewind and "
        "start it again. One that was killed counts as a member for up to 45 s more."
    )


def _result(group: _Group, steps: Sequence[Step], working: Sequence[Member], *, applied: bool) -> dict[str, Any]:
    return {
        "role": group.role,
        "group": group.name,
        "applied": applied,
        "records": sum(step.records for step in steps),
        "members": [{"client": one.client, "host": one.host} for one in working],
        "partitions": [
            {
                "topic": step.topic,
                "partition": step.partition,
                "from": step.stands,
                "to": step.goes,
                "records": step.records,
                "gone": None if step.gone is None else {"from": step.gone[0], "to": step.gone[1]},
            }
            for step in steps
        ],
    }


def _worded(result: dict[str, Any]) -> str:
    partitions = result["partitions"]
    rows = [(f"{one['topic']}/{one['partition']}", one["from"], one["to"], one["records"]) for one in partitions]
    lines = [table(["partition", "from", "to", "records"], rows) if rows else "Nothing was read yet."]
    lines += [
        f"{one['topic']}/{one['partition']}: the broker no longer keeps offsets {one['gone']['from']} to "
        f"{one['gone']['to'] - 1}; the first it has is {one['gone']['to']}."
        for one in partitions
        if one["gone"]
    ]
    if result["applied"]:
        lines.append(f"{result['records']:,} records will be read again; none is counted twice.")
    else:
        lines.append(f"{result['records']:,} records would be read again. Nothing was changed: --yes does it.")
        if result["members"]:
            lines.append(f"{len(result['members'])} member(s) of {result['group']} are at work: stop them before.")
    return "\n".join(lines)
