"""What the behavioural suite finds of the committed weights: what holds, and what was promised and is not kept yet."""

from __future__ import annotations

import pytest

from model.behaviour import Behaviour, run, suite, summarise
from model.classifier import Classifier


@pytest.fixture(scope="module")
def committed() -> Behaviour:
    classifier = Classifier.load()
    return summarise(classifier.version, run(classifier, suite()))


@pytest.mark.parametrize("capability", ["vocabulary", "added_news", "white_space", "full_width"])
def test_plain_news_is_read_however_it_is_spaced(committed: Behaviour, capability: str) -> None:
    assert committed.capabilities[capability].rate >= 0.9


@pytest.mark.xfail(strict=True, reason="promised, not reached: `yuqing behaviour` has the rate of each region")
@pytest.mark.parametrize("capability", ["entity_swap", "entity_swap_toward"])
def test_another_companys_name_hardly_ever_changes_the_label(committed: Behaviour, capability: str) -> None:
    assert committed.fairness[capability].fair
