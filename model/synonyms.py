"""Words of like meaning, from a file or from NLTK's WordNet."""

from collections import defaultdict
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path

from model.errors import ConfigError, EngineError

Synonyms = Callable[[str], Collection[str]]


def load_synonyms(path: Path | None) -> Synonyms:
    """Make a function from a word in lower case to its synonyms, none if it has none.

    Args:
        path: a file where each line has the words of one meaning with commas between; None: NLTK's WordNet.

    Raises:
        ConfigError: the file cannot be read.
        EngineError: NLTK, or its WordNet, is not installed.
    """
    return _wordnet() if path is None else _listed(path)


def _listed(path: Path) -> Synonyms:
    found: dict[str, set[str]] = defaultdict(set)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the list of synonyms {path} cannot be read: {error}") from error
    for line in lines:
        words = [word.strip().lower() for word in line.split(",") if word.strip()]
        for word in words:
            found[word].update(other for other in words if other != word)
    return lambda word: found.get(word, ())


def _wordnet() -> Synonyms:
    try:
        from nltk.corpus import wordnet  # type: ignore[import-untyped]

        wordnet.ensure_loaded()
    except (ImportError, LookupError) as error:
        raise EngineError(
            "synonyms need a word_list in the configuration, or NLTK and its WordNet: pip install nltk, then "
            "python -m nltk.downloader wordnet"
        ) from error

    @cache
    def synonyms(word: str) -> frozenset[str]:
        # The first meaning alone: the others are rarer, and mostly not what a news item means.
        lemmas = (lemma.name() for meaning in wordnet.synsets(word)[:1] for lemma in meaning.lemmas())
        return frozenset(name.lower() for name in lemmas if "_" not in name and name.lower() != word)

    return synonyms
