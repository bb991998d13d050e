"""Alarm rules as data, and the file that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import yaml  # type: ignore[import-untyped]

__all__ = ["RUNBOOKS", "Rule", "rules_file"]

RUNBOOKS: Final = "docs/runbooks.md"
"""Where runbooks are; a URL of your own copy makes links that open (`python -m deploy.dashboards --runbooks URL`)."""

_HEAD: Final = "# When an operator is called. Written by `make dashboards`, from deploy/dashboards: change it there.\n"


@dataclass(frozen=True)
class Rule:
    """One alarm. It fires when `expr` has held for `hold` (Prometheus's notation; empty: at once).

    `page` wakes somebody, `ticket` waits for the morning. `$labels` and `$value` may stand in `summary`.
    """

    name: str
    expr: str
    hold: str
    severity: Literal["page", "ticket"]
    summary: str
    description: str

    @property
    def anchor(self) -> str:
        """The heading of its runbook."""
        return self.name.lower()

    def written(self, runbooks: str) -> dict[str, Any]:
        """As Prometheus has it."""
        return {
            "alert": self.name,
            "expr": self.expr,
            **({"for": self.hold} if self.hold else {}),
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{runbooks}#{self.anchor}",
            },
        }


def rules_file(groups: Mapping[str, Sequence[Rule]], runbooks: str = RUNBOOKS) -> str:
    """The text of a rule file with the rules of each group."""
    written = [{"name": name, "rules": _written(rules, runbooks)} for name, rules in groups.items()]
    text: str = yaml.safe_dump({"groups": written}, sort_keys=False, width=116, allow_unicode=True)
    return _HEAD + text


def _written(rules: Iterable[Rule], runbooks: str) -> list[dict[str, Any]]:
    return [rule.written(runbooks) for rule in rules]
