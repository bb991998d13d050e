"""What may be wrong with a labelled file: lines, texts and labels, each fault with the numbers of its lines.

Nothing is changed; which of the findings are errors is for whoever knows the data.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from model.datasets import Row
from model.errors import UNREADABLE_JSON, DataError
from model.splits import near_duplicates
from model.tasks import Task, task_of

LONGEST: Final = 2000  # characters; the model reads far fewer


@dataclass(frozen=True, slots=True)
class Numbered:
    """A row and the number of its line, from 1."""

    line: int
    row: Row


class Findings(msgspec.Struct, frozen=True):
    """What was found in one file: numbers of lines, from 1.

    `unreadable`: no row at all. `empty`: no letter, digit or other sign in the text. `very_long`: text over the limit.
    `unlabelled`: no label. `unknown_labels`: none of the labels is one that the task knows. `conflicting`: groups of
    lines of one text (and one entity) whose labels differ. `likely_label_errors`: null where they were not looked for,
    or where a row may have several labels. `near_duplicates` counts the rows that are not the first of their kind.
    """

    file: str
    task: str
    rows: int
    labels: dict[str, int]
    near_duplicates: int
    unreadable: tuple[int, ...]
    empty: tuple[int, ...]
    very_long: tuple[int, ...]
    unlabelled: tuple[int, ...]
    unknown_labels: tuple[int, ...]
    conflicting: tuple[tuple[int, ...], ...]
    likely_label_errors: tuple[int, ...] | None = None


def read_lines(path: Path) -> tuple[list[Numbered], list[int]]:
    """Read a labelled file leniently: its rows, and the numbers of the lines that are none.

    Raises:
        DataError: the file is absent or holds no row.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    rows, unreadable = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rows.append(Numbered(number, msgspec.json.decode(line, type=Row)))
        except UNREADABLE_JSON:
            unreadable.append(number)
    if not rows:
        raise DataError(f"{path} holds no rows")
    return rows, unreadable


def check(path: Path, *, longest: int = LONGEST) -> tuple[Findings, Task, list[Numbered]]:
    """Look a file through, except for likely label errors.

    Args:
        path: a labelled file.
        longest: characters that a text may have.

    Raises:
        DataError: the file is absent, holds no row, or labels that no task knows.
    """
    rows, unreadable = read_lines(path)
    task = task_of(name for one in rows for name in one.row.names)
    findings = Findings(
        file=path.name,
        task=task.name,
        rows=len(rows),
        labels=dict(Counter(name for one in rows for name in one.row.names).most_common()),
        near_duplicates=near_duplicates([one.row.text for one in rows]),
        unreadable=tuple(unreadable),
        empty=tuple(one.line for one in rows if not any(sign.isprintable() and sign != " " for sign in one.row.text)),
        very_long=tuple(one.line for one in rows if len(one.row.text) > longest),
        unlabelled=tuple(one.line for one in rows if not one.row.names),
        unknown_labels=tuple(one.line for one in rows if one.row.names and not set(one.row.names) & set(task.labels)),
        conflicting=tuple(conflicting(rows)),
    )
    return findings, task, rows


def conflicting(rows: Sequence[Numbered]) -> list[tuple[int, ...]]:
    """Groups of lines whose text and entity are the same, whatever their case and spaces, and whose labels are not."""
    groups: dict[tuple[str, str], list[Numbered]] = defaultdict(list)
    for one in rows:
        groups[" ".join(one.row.text.casefold().split()), one.row.entity or ""].append(one)
    return [
        tuple(one.line for one in group)
        for group in groups.values()
        if len({frozenset(one.row.names) for one in group}) > 1
    ]
