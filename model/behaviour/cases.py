"""What a behavioural case is, when it passes, and which capabilities there are.

After Ribeiro, Wu, Guestrin, Singh: Beyond Accuracy: Behavioral Testing of NLP Models with CheckList, ACL 2020. A
minimum functionality test (MFT) has an answer that every reader agrees on; an invariance (INV) compares a sentence with
a version that says the same; a directional expectation (DIR) compares it with one that says something worse, better or
less firmly.
"""

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from model.classifier import Prediction
from model.routing import Language

MOVES: Final = 0.1  # of the score, -1 to 1: how much worse or better news must move it, and how firm it may grow
INTAKE: Final = "intake removes it before the model: what is tested is the model alone"


class Kind(Enum):
    """CheckList's three types of test."""

    MFT = "MFT"
    INV = "INV"
    DIR = "DIR"


class Expected(Enum):
    """What must hold of an answer, alone or beside the answer to the base."""

    negative = "negative"
    neutral = "neutral"
    positive = "positive"
    not_negative = "not_negative"
    same = "same"
    lower = "lower"
    higher = "higher"
    no_stronger = "no_stronger"

    @property
    def kind(self) -> Kind:
        """Which type of test this is an expectation of."""
        if self is Expected.same:
            return Kind.INV
        return Kind.DIR if self in (Expected.lower, Expected.higher, Expected.no_stronger) else Kind.MFT


@dataclass(frozen=True, slots=True)
class Question:
    """A text, and the entity that the sentiment is to be about; None for the text as a whole."""

    text: str
    toward: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One test: `asked` must be answered as `expected`, for INV and DIR beside the answer to `base`.

    `group` is the region of the company that was swapped in, empty elsewhere.
    """

    capability: str
    language: Language
    expected: Expected
    asked: Question
    base: Question | None = None
    group: str = ""

    def passes(self, answer: Prediction, base: Prediction | None) -> bool:
        """Whether an answer is as expected; `base` is the answer to the base, None where there is none."""
        if self.expected is Expected.not_negative:
            return answer.label != "negative"
        if base is None:
            return bool(answer.label == self.expected.value)
        if self.expected is Expected.lower:
            return answer.score <= base.score - MOVES
        if self.expected is Expected.higher:
            return answer.score >= base.score + MOVES
        if self.expected is Expected.no_stronger:
            return abs(answer.score) <= abs(base.score) + MOVES
        return bool(answer.label == base.label)


CAPABILITIES: Final = MappingProxyType(
    {
        "vocabulary": "plain good and bad news",
        "negation": "good news denied is bad, bad news denied is not bad",
        "number_direction": "a loss that narrows is good, a deficit that widens is bad",
        "direction_change": "the opposite verb moves the score the other way",
        "comparison": "this year's figure beside last year's",
        "expectations": "better or worse than was expected",
        "hedging": "a rumour is not firmer than the news",
        "added_news": "a second clause that is worse or better moves the score",
        "mixed_entities": "good for one company, bad for another, asked about each",
        "temporal": "what is now counts more than what was",
        "neutral_facts": "dates, meetings and addresses are no news",
        "typos": "one slip of the typist",
        "letter_case": "all capitals, all small",
        "traditional": "traditional instead of simplified characters",
        "white_space": "runs of spaces, tabs and line ends",
        "letter_spacing": "a word, or a Chinese sentence, spelled with spaces",
        "full_width": "full-width letters, digits and signs; " + INTAKE,
        "invisible": "zero-width characters and soft hyphens inside words; " + INTAKE,
        "html_debris": "left-over tags and entities; " + INTAKE,
        "attribution": "a source, a link or a hashtag around the sentence",
        "irrelevant_numbers": "other dates, amounts and places",
        "entity_swap": "another company's name, asked about the text",
        "entity_swap_toward": "another company's name, asked about that company",
    }
)
