"""Live text beside the profile of a model: five checks for each language, and which of them found drift."""

from collections.abc import Mapping

import msgspec

from model.drift import Difference, Limits, count_difference, vector_difference
from model.drift_profile import DriftProfile, LanguageProfile, Observed, What
from model.routing import Language


class Check(msgspec.Struct, frozen=True):
    """One comparison: its effect, p-value, and whether both are beyond their limits."""

    what: What
    effect: float
    p_value: float
    drifted: bool


class LanguageDrift(msgspec.Struct, frozen=True):
    """One language's checks; none where it had too few documents, or none in the profile."""

    documents: int
    checks: tuple[Check, ...]

    @property
    def drifted(self) -> bool:
        """Whether any check found drift."""
        return any(check.drifted for check in self.checks)


def compare(profile: DriftProfile, live: Mapping[Language, Observed], limits: Limits) -> dict[Language, LanguageDrift]:
    """Compare live texts, as `observe` returned them, with a profile."""
    return {
        language: LanguageDrift(len(seen.vectors), _checks(profile.languages.get(language), seen, limits))
        for language, seen in live.items()
    }


def _checks(profile: LanguageProfile | None, live: Observed, limits: Limits) -> tuple[Check, ...]:
    if profile is None or min(profile.documents, len(live.vectors)) < limits.fewest:
        return ()
    differences: dict[What, Difference] = {
        what: count_difference(getattr(profile, what), counts) for what, counts in live.counts.items()
    }
    differences["vectors"] = vector_difference(profile.vectors, live.vectors)
    allowed = limits.false_alarms / len(differences)
    return tuple(
        Check(
            what,
            one.effect,
            one.p_value,
            one.p_value <= allowed and one.effect >= (limits.distance if what == "vectors" else limits.index),
        )
        for what, one in differences.items()
    )
