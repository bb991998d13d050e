"""Makes the list of capitalised words that are no names of companies: `python -m stream.names_build [OUT.csv.gz]`.

One row a word: `word,kind`, in lower case. `word` is in the dictionary and frequent enough to be written with a capital
at the beginning of a sentence, `place` is a city, a country or its people, `person` a first name. The words come from
the packages that `stream/watchlist_words.py` reads; only the verdict is kept. They come with `yuqing[watchlist]`.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from pathlib import Path

from stream.watchlist_words import first_names, frequent_words, places

__all__ = ["build", "write"]

_FREQUENT_ZIPF = 2.5
"""Rarer words than one in three million do not open a sentence of the news."""


def build() -> list[tuple[str, str]]:
    """Words with their kind, sorted; a place or a person that is a word too is a word."""
    kinds = dict.fromkeys(places(_FREQUENT_ZIPF), "place")
    kinds |= dict.fromkeys((name.lower() for name in first_names()), "person")
    kinds |= dict.fromkeys(frequent_words(_FREQUENT_ZIPF), "word")
    return sorted((word, kind) for word, kind in kinds.items() if len(word) > 1)


def write(rows: list[tuple[str, str]], path: Path) -> None:
    """Compressed, and the same bytes each time."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("word", "kind"))
    writer.writerows(rows)
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


if __name__ == "__main__":
    default = Path(__file__).parent / "watchlists" / "words.csv.gz"
    write(build(), Path(sys.argv[1]) if len(sys.argv) > 1 else default)
