"""The words of the console in English and Chinese, from `words.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal, cast, get_args

from fastapi import Request

__all__ = ["LANGUAGES", "Language", "language_of", "wording", "words"]

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

COOKIE: Final = "yuqing_language"


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """By key, the words in each language."""
    text = (files("alerts.console") / "words.toml").read_text("utf-8")
    return cast("Mapping[str, Mapping[str, str]]", tomllib.loads(text))


def wording(language: Language, key: str, **values: object) -> str:
    """The words for `key`, with `values` in their places. What has no entry is a name of its own: it stays."""
    entry = words().get(key)
    return entry[language].format(**values) if entry else key


def language_of(request: Request) -> Language:
    """What was chosen, else what the browser prefers, else English."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    for part in request.headers.get("accept-language", "").lower().split(","):
        tag = part.strip()[:2]
        if tag in LANGUAGES:
            return tag
    return "en"
