"""`yuqing doctor`: looks at everything that has to be right, and says how to mend what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from deploy.doctor_checks import INSTALLATION, SERVICES
from deploy.examination import Examine, Patient, WrongError
from deploy.output import emit
from deploy.services import known_services
from deploy.settings import Settings
from deploy.wording import words_for

__all__ = ["Check", "examine", "show_checks"]


@dataclass(frozen=True)
class Check:
    """What was looked at, whether it is right, what was seen, and what to do where it is wrong."""

    name: str
    ok: bool
    seen: str
    fix: str = ""


def show_checks(settings: Settings, *, as_json: bool) -> int:
    """Prints every check; returns 1 when one of them is wrong."""
    patient = Patient(settings, known_services(settings))
    checks = examine(patient, INSTALLATION)
    if patient.services is None:
        checks.append(Check("services", True, "the embedded stack does not run now; `yuqing up` starts it"))
    else:
        checks += examine(patient, SERVICES)
    emit({"ok": all(one.ok for one in checks), "checks": [asdict(one) for one in checks]}, as_json, _worded)
    return 0 if all(one.ok for one in checks) else 1


def examine(patient: Patient, examinations: Sequence[tuple[str, Examine]]) -> list[Check]:
    """Makes every examination, whatever the others found."""
    return [_one(patient, name, examination) for name, examination in examinations]


def _one(patient: Patient, name: str, examination: Examine) -> Check:
    try:
        return Check(name, True, examination(patient))
    except WrongError as wrong:
        return Check(name, False, wrong.what, wrong.fix)
    except Exception as error:
        told = words_for(error)
        if told is None:
            raise
        seen, _, fix = told.words.partition("\n  Fix: ")
        return Check(name, False, seen, fix or "see the message")


def _worded(result: dict[str, Any]) -> str:
    lines = []
    for one in result["checks"]:
        lines.append(f"{'ok   ' if one['ok'] else 'WRONG'}  {one['name']}: {one['seen']}")
        if not one["ok"]:
            lines.append(f"         Fix: {one['fix']}")
    return "\n".join(lines)
