"""Label Studio's files: tasks to import with the model's own answer filled in, and its export read back.

The formats are those of labelstud.io/guide/task_format and guide/predictions: a task is `data` and `predictions`; an
exported one has `annotations`, each with a `result` of choices. Of the export formats, JSON and JSON-MIN are read.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from model.errors import UNREADABLE_JSON, DataError
from model.labelling import Unlabelled
from model.labels import SENTIMENTS

NAME: Final = "sentiment"
VIEW: Final = (
    '<View>\n  <Text name="text" value="$text"/>\n'
    f'  <Choices name="{NAME}" toName="text" choice="single" required="true">\n'
    + "".join(f'    <Choice value="{name}"/>\n' for name in SENTIMENTS)
    + "  </Choices>\n</View>\n"
)
"""The labelling interface: paste it into the project's settings, Labeling Interface, Code."""


class Imported(msgspec.Struct, frozen=True):
    """What came back: rows in the format of labelled files, and how many tasks gave none and why."""

    rows: list[dict[str, Any]]
    unlabelled: int
    disagreed: int


class _Value(msgspec.Struct):
    choices: tuple[str, ...] = ()


class _Result(msgspec.Struct):
    from_name: str = ""
    value: _Value = msgspec.field(default_factory=_Value)


class _Annotation(msgspec.Struct):
    result: tuple[_Result, ...] = ()
    was_cancelled: bool = False


class _Task(msgspec.Struct):
    data: dict[str, Any]
    annotations: tuple[_Annotation, ...] = ()


def tasks(texts: Iterable[Unlabelled]) -> list[dict[str, Any]]:
    """Texts as tasks to import, each with the model's answer as a prediction."""
    return [
        {
            "data": {"text": one.text, "lang": one.language, "document_id": one.document_id},
            "predictions": [
                {
                    "model_version": one.model_version,
                    "score": round(float(max(one.probabilities)), 4),
                    "result": [
                        {
                            "from_name": NAME,
                            "to_name": "text",
                            "type": "choices",
                            "value": {"choices": [one.predicted]},
                        }
                    ],
                }
            ],
        }
        for one in texts
    ]


def read_export(path: Path) -> Imported:
    """Read an export, JSON or JSON-MIN. Where annotators of a task differ, most of them decide; a tie gives no row.

    Raises:
        DataError: the file cannot be read, is no such export, or has a choice that is no sentiment.
    """
    try:
        exported = msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except UNREADABLE_JSON as error:
        raise DataError(f"{path}: {error}. Export the project from Label Studio as JSON or JSON-MIN.") from error
    answered: dict[str, tuple[dict[str, Any], Counter[str]]] = {}
    for number, item in enumerate(exported, 1):
        data, choices = _answers(path, number, item)
        _, votes = answered.setdefault(data["text"], (data, Counter()))
        votes.update(choices)
    rows, unlabelled, disagreed = [], 0, 0
    for data, votes in answered.values():
        (first, *others) = votes.most_common(2) or [("", 0)]
        if not first[1]:
            unlabelled += 1
        elif others and others[0][1] == first[1]:
            disagreed += 1
        else:
            kept = {name: data[name] for name in ("lang", "document_id") if data.get(name)}
            rows.append({"text": data["text"], "label": first[0], **kept, "annotators": votes.total()})
    return Imported(rows, unlabelled, disagreed)


def _answers(path: Path, number: int, item: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    try:
        if "data" in item:
            task = msgspec.convert(item, _Task)
            data = task.data
            given = [one for one in task.annotations if not one.was_cancelled]
            choices = [
                name for one in given for part in one.result if part.from_name == NAME for name in part.value.choices
            ]
        else:
            data, choices = item, [item[NAME]] if item.get(NAME) else []
    except msgspec.ValidationError as error:
        raise DataError(f"{path}, task {number}: {error}. Export it from Label Studio again.") from error
    if not isinstance(data.get("text"), str):
        raise DataError(f"{path}, task {number} has no text: was the project made from `yuqing label queue`?")
    if unknown := [name for name in choices if name not in SENTIMENTS]:
        raise DataError(f"{path}, task {number}: {unknown[0]!r} is none of {', '.join(SENTIMENTS)}")
    return data, choices
