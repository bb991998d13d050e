"""Every detector has its words, in both languages, where people read of it."""

from __future__ import annotations

import pytest

from alerts.console.wording import words
from alerts.delivery.detector_words import detector_words
from alerts.detection.lifecycle import COUNTED


@pytest.mark.parametrize("detector", sorted(COUNTED))
def test_each_detector_says_what_it_counts_and_means(detector: str) -> None:
    english, chinese = detector_words(detector, "en"), detector_words(detector, "zh")
    assert "1 " in english.counted(1)
    assert english.counted(1) != english.counted(2)
    assert "2" in chinese.counted(2)
    assert english.meaning.endswith(".")
    assert chinese.meaning.endswith("。")
    assert english.before == chinese.before
    assert set(words()[detector]) == {"en", "zh"}


def test_of_a_rule_only_the_documents_are_said() -> None:
    assert detector_words("rule:mine", "en").counted(3) == "3 documents"
    assert detector_words("rule:mine", "zh").meaning == ""
