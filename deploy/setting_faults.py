"""Turns what the validator says into lines an operator can act on: which setting, given where, wrong how."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

__all__ = ["Origins", "faults_of", "setting_names", "unknown_variables"]

_SECRET = ("url", "secret", "token", "password")


@dataclass(frozen=True)
class Origins:
    """Where settings may have been given, for saying where a wrong one was."""

    flags: Mapping[str, Any]
    file: Path
    in_file: Mapping[str, Any]

    def rule(self, steps: tuple[int | str, ...]) -> str:
        """Of which rule a setting is, by the name that stands in the file; empty for any other setting."""
        rules: Any = self.in_file.get("alerts", {}).get("rules") if steps[:2] == ("alerts", "rules") else None
        if not isinstance(rules, list) or len(steps) < 3 or not isinstance(steps[2], int) or steps[2] >= len(rules):
            return ""
        name = rules[steps[2]].get("name") if isinstance(rules[steps[2]], Mapping) else None
        return f"rule {name!r}, " if isinstance(name, str) else ""

    def of(self, steps: tuple[int | str, ...], variable: str) -> str:
        """The place that the setting at `steps` was given in."""
        if _holds(self.flags, steps):
            return "as a flag"
        if variable in {name.upper() for name in os.environ}:
            return f"in {variable}"
        return f"in {self.file}" if self.in_file else "by default"


def setting_names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every setting of `model` as a dotted name; entries of a list of tables are named `webhooks.url`."""
    for name, field in model.model_fields.items():
        inner = list(_models(field.annotation))
        if not inner:
            yield prefix + name
        for each in inner:
            yield from setting_names(each, f"{prefix}{name}.")


def faults_of(model: type[BaseModel], error: ValidationError, origins: Origins, prefix: str) -> list[str]:
    """One line for each fault that the validator found."""
    names = sorted(set(setting_names(model)))
    return [_fault(names, dict(fault), origins, prefix) for fault in error.errors(include_url=False)]


def unknown_variables(
    model: type[BaseModel], prefix: str, environment: Mapping[str, str], *, allowed: set[str]
) -> list[str]:
    """A line for each variable with our prefix that names no section or setting: the validator does not see those."""
    faults = []
    for variable in sorted(environment):
        first = variable.upper().removeprefix(prefix).split("__")[0].lower()
        if variable.upper().startswith(prefix) and variable not in allowed and first not in model.model_fields:
            wanted = variable.upper().removeprefix(prefix).lower().replace("__", ".")
            names = sorted(set(setting_names(model)))
            # YUQING_KAFKA_BOOTSTRAP, with one underscore, is the mistake that everybody makes once.
            flat = {name.replace(".", "_"): name for name in names}
            near = flat.get(wanted) or _nearest(wanted, names)
            hint = f"; did you mean {prefix}{near.replace('.', '__').upper()}?" if near else ""
            faults.append(f"{variable}: there is no such setting{hint}")
    return faults


def _fault(names: list[str], fault: dict[str, Any], origins: Origins, prefix: str) -> str:
    steps = _without_kind(fault["loc"])
    dotted = _dotted(steps)
    where = origins.rule(steps) + origins.of(steps, prefix + "__".join(str(step) for step in steps).upper())
    if fault["type"] == "extra_forbidden":
        near = _nearest(".".join(step for step in steps if isinstance(step, str)), names)
        return f"{dotted} ({where}): there is no such setting" + (f"; did you mean {near}?" if near else "")
    if fault["type"] == "missing":
        return f"{dotted}: this must be given"
    wrong = str(fault["msg"]).removeprefix("Value error, ")
    if not steps:
        return wrong
    leaf = str(steps[-1])
    plain = isinstance(fault["input"], str | int | float | bool) and not any(word in leaf for word in _SECRET)
    return f"{dotted} ({where}): {wrong[0].lower()}{wrong[1:]}" + (f", not {fault['input']!r}" if plain else "")


def _without_kind(steps: tuple[int | str, ...]) -> tuple[int | str, ...]:
    # The validator puts the kind of a source between its place and the setting: sources, 0, rss, urls.
    return (*steps[:2], *steps[3:]) if steps[:1] == ("sources",) and len(steps) > 3 else steps


def _dotted(steps: tuple[int | str, ...]) -> str:
    text = ""
    for step in steps:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def _nearest(wanted: str, names: list[str]) -> str:
    found = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
    if not found:  # the right name in the wrong section
        leaf = wanted.rsplit(".", 1)[-1]
        found = [name for name in names if name.rsplit(".", 1)[-1] == leaf][:1]
    return found[0] if found else ""


def _holds(tree: Mapping[str, Any], steps: tuple[int | str, ...]) -> bool:
    node: Any = tree
    for step in steps:
        if not isinstance(node, Mapping) or step not in node:
            return False
        node = node[step]
    return True


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (tuple, Annotated, Union, UnionType):
        for argument in get_args(annotation):
            yield from _models(argument)
