"""What an operator's rule asked for and what it saw, as it is kept with the alert and told of it."""

from __future__ import annotations

import msgspec

__all__ = ["Bound", "RuleSeen"]


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """One condition: `measure` is one of `alerts.rules.tally.MEASURES`; a mean is to be as low, all others as high."""

    measure: str
    bound: float
    seen: float

    def __str__(self) -> str:
        what = self.measure.replace("_", " ")
        if self.measure == "mean_score":
            return f"{what} {self.seen:.2f} (at most {self.bound:g})"
        return f"{what} {self.seen:.3g} (at least {self.bound:g})"


class RuleSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and how it was fulfilled; `pattern` and `words` were looked for in the texts."""

    name: str
    within_min: int
    bounds: tuple[Bound, ...]
    pattern: str = ""
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"; pattern {self.pattern}" if self.pattern else ""
        text += f"; words {', '.join(self.words)}" if self.words else ""
        return f"rule {self.name}: {', '.join(map(str, self.bounds))} within {self.within_min / 60:.3g} h{text}"
