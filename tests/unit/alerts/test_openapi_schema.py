"""The description of the API that docs/schemas publishes is the one that the program has, and stays readable."""

from __future__ import annotations

from pathlib import Path

from alerts.api.description import rendered

PUBLISHED = Path(__file__).parents[3] / "docs" / "schemas" / "openapi-v1.json"


def test_the_published_description_is_the_one_in_force():
    assert PUBLISHED.read_text("utf-8") == rendered(), "run: python -m alerts.api.description docs/schemas"
