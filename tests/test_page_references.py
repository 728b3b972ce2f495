"""Where a page says "page NN", that page has what is promised."""

from __future__ import annotations

import re
from functools import cache

import pytest
from pages_runner import SOURCES

MENTION = re.compile(r"\b[Pp]ages? (\d\d)(?:(?:,| and|, and| or) (\d\d))*")

# (page, the page that it names): what the reader will look for there, as a pattern of its text.
PROMISED = {
    ("00", "02"): r"squared_error.*bpr|Two jobs, two models",
    ("00", "04"): r"rt\.serving\.serve",
    ("00", "06"): r"interval",
    ("01", "02"): r"penalty",
    ("01", "03"): r"permutation",
    ("01", "06"): r"interval",
    ("01", "08"): r"[Cc]ut",
    ("01", "14"): r"procrustes",
    ("01", "18"): r"served badly",
    ("02", "00"): r"rate_films",
    ("02", "05"): r"word2vec",
    ("02", "06"): r"interval",
    ("02", "08"): r"[Cc]old",
    ("02", "16"): r"ImplicitALS",
    ("03", "14"): r"procrustes",
    ("04", "00"): r"rt\.serving\.serve",
    ("04", "02"): r"rate_films",
    ("04", "17"): r"fold",
    ("05", "02"): r"logistic",
    ("06", "02"): r"BiasedMF",
    ("07", "13"): r"explor",
    ("07", "19"): r"memory",
    ("08", "10"): r"class FM",
    ("08", "02"): r"for each \*?rating|mean of \|p\|²",
    ("09", "02"): r"class BiasedMF",
    ("09", "06"): r"bootstrap",
    ("09", "07"): r"streamed",
    ("10", "08"): r"without_features.*next to nothing about a new person",
    ("10", "02"): r"class BiasedMF",
    ("11", "03"): r"out again|stable|halves",
    ("11", "04"): r"ridge regression",
    ("11", "06"): r"interval",
    ("12", "08"): r"SideFeatureMF",
    ("13", "06"): r"bootstrap",
    ("13", "08"): r"cold_start",
    ("13", "09"): r"[Ii]nterpol",
    ("14", "03"): r"pca",
    ("14", "11"): r"[Tt]aste",
    ("15", "06"): r"whole catalogue|exhaustive",
    ("15", "16"): r"ImplicitALS",
    ("16", "02"): r"bpr",
    ("16", "06"): r"interval",
    ("16", "10"): r"[Ff]actori[sz]ation machine",
    ("16", "05"): r"popularity|0\.75",
    ("16", "09"): "tomorrow|prequential",
    ("16", "13"): r"BayesianFM",
    ("16", "19"): r"scripts.*train\.py|torchrun",
    ("17", "07"): r"A/B",
    ("18", "02"): r"class BiasedMF",
    ("18", "06"): r"NDCG",
    ("18", "07"): r"A/B|feedback_loop",
    ("18", "13"): r"VariationalMF",
    ("18", "16"): r"ImplicitALS",
    ("18", "17"): r"fold",
    ("19", "04"): r"rt\.serving\.export",
    ("19", "16"): r"[Hh]ash",
    ("19", "17"): r"rt\.serving",
    ("appendix", "02"): r"Engine",
    ("bug", "02"): r"page\.save\(biased\)",
}


def number(name: str) -> str:
    return "bug" if name.startswith("bug_hunts/") else name.split("_")[0]


@cache
def text(page: str) -> str:
    (found,) = (s for n, s in SOURCES.items() if number(n) == page)
    return "\n".join(cell.text for cell in found.cells)


def mentions(name: str) -> set[str]:
    prose = "\n".join(c.text for c in SOURCES[name].cells)
    return {n for m in MENTION.finditer(prose) for n in re.findall(r"\d\d", m[0])}


@pytest.mark.parametrize("name", SOURCES)
def test_a_page_that_is_named_has_what_is_promised(name):
    here = number(name)
    for target in mentions(name) - {here}:
        assert (here, target) in PROMISED, f"say in PROMISED what page {target} has for {name}"
        assert re.search(PROMISED[here, target], text(target), re.DOTALL), (
            f"{name} sends the reader to page {target}, where nothing matches "
            f"{PROMISED[here, target]!r}"
        )
