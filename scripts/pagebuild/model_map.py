"""The map of the models: which one becomes which, and when, as a picture and as a table.

`python scripts/pagebuild/model_map.py` writes docs/model_map.svg.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pagebuild import svg


class Place(NamedTuple):
    """A model on the map: what it adds, and what it becomes when that is taken away."""

    name: str
    adds: str
    becomes: str
    when: str
    page: str
    column: int
    row: float


PLACES = (
    Place("biases only", "who is generous, what is loved", "", "", "02", 0, 3.0),
    Place("MF", "one vector a person, one a film", "", "", "02", 0, 5.5),
    Place("BiasedMF", "vectors on top of biases", "biases only", "dim = 0", "02", 1, 4.25),
    Place("SideFeatureMF", "features of films and people", "BiasedMF", "no features", "08", 2, 0),
    Place("SVDpp", "the films that one has rated", "SideFeatureMF", "y = 0", "16", 3, 0),
    Place("TemporalMF", "drift in time", "BiasedMF", "its effects of time = 0", "09", 2, 1),
    Place(
        "FactorizationMachine", "pairs of any features", "BiasedMF", "no side fields", "10", 2, 2
    ),
    Place("BayesianFM", "many answers in place of one", "", "", "13", 3, 2),
    Place("MixtureOfTastes", "several tastes a person", "BiasedMF", "n_tastes = 1", "11", 2, 3),
    Place("GumbelTastes", "one taste speaks at a time", "BiasedMF", "n_tastes = 1", "11", 2, 4),
    Place("DeepMF", "a network beside the product", "BiasedMF", "its last layer v = 0", "12", 2, 5),
    Place(
        "MultiOutputMF", "more outputs, shared vectors", "BiasedMF", "its first output", "12", 2, 6
    ),
    Place("VariationalMF", "a width to every number", "BiasedMF", "all widths = 0", "13", 2, 7),
    Place("TensorFactorization", "a third factor, of time", "BiasedMF", "w = 1", "16", 2, 8),
    Place("HashedMF", "fewer vectors than ids", "BiasedMF", "own bucket, weight 1", "16", 2, 9),
    Place("Popularity", "what most people rated", "", "", "06", 0, 8.0),
    Place("Markov", "what came after what", "Popularity", "smoothing to infinity", "15", 1, 8.0),
    Place("SequentialRules", "looks back at several films", "Markov", "window = 1", "15", 1, 9.2),
    Place("SequenceLSTM", "a memory of all before", "", "", "15", 1, 10.4),
    Place("SequenceTransformer", "looks back at any place", "", "", "15", 1, 11.6),
    Place("PureSVD", "missing taken for zero", "", "", "16", 0, 10.4),
    Place("ImplicitALS", "zeros count, but less", "PureSVD", "alpha = 0, l2 to 0", "16", 0, 11.6),
    Place("ItemKNN", "films like those rated", "", "", "16", 2, 10.4),
    Place("EASE", "all films, weighted at once", "", "", "16", 2, 11.6),
)
ALT = (
    "Map of the models. In the middle BiasedMF, which without vectors is biases only and without "
    "biases MF. Ten models add one thing each to it and are BiasedMF again without that thing; "
    "BayesianFM is beside them; below are models of sequences and those that take "
    "missing ratings for zero."
)
WIDE, HIGH, STEP, TOP = 210, 54, 66, 40
LEFT = (20, 265, 540, 810)


def model_map_svg() -> str:
    """The map as SVG; arrows lead from a model to what it becomes."""
    width, height = LEFT[-1] + WIDE + 20, int(TOP + 12.7 * STEP)
    said = "An arrow leads to what a model becomes when the thing that it adds is taken away."
    made = svg.head(width, height, ALT, said, 24)
    at = {place.name: place for place in PLACES}
    pairs = [(place, at[place.becomes]) for place in PLACES if place.becomes]
    for start, end in [*pairs, (at["BiasedMF"], at["MF"])]:
        made.append(svg.arrow(_corner(start), _corner(end), WIDE, HIGH, "#555"))
    for place in PLACES:
        fill = "#d6e9f5" if place.name == "BiasedMF" else "#f4f4f0"
        made.append(svg.box(_corner(place), WIDE, HIGH, place.name, place.adds, fill))
    return "\n".join([*made, "</svg>"]) + "\n"


def _corner(place: Place) -> svg.Corner:
    return LEFT[place.column], TOP + place.row * STEP


def model_map_page() -> str:
    """Markdown with the picture, and the same as a table."""
    rows = []
    for place in PLACES:
        role = f"{{py:class}}`~recsys_tutorial.models.{place.name}`"
        name = place.name if " " in place.name else role
        becomes = f"{place.becomes}, when {place.when}" if place.becomes else ""
        if place.name == "BiasedMF":
            becomes += "; MF, when all biases are zero"
        rows.append(f"| {name} | {place.adds} | {becomes} | {place.page} |")
    return (
        "# Map of the models\n\n"
        "If a model adds something to another model, it must become that model again without the "
        "addition. The tests check this, so nothing else has changed, and you know where an "
        "improvement comes from.\n\n"
        f"![{ALT}](_static/model_map.svg)\n\n"
        "## The same as a table\n\n"
        "| model | what it adds | becomes | page |\n|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "Two more relations. PureSVD, ItemKNN and EASE all score a person by $x W$: the person's "
        "stars $x$, zero for unrated films, times a table $W$ of films by films; they differ in "
        "how they compute $W$. The Markov chain counts what came next; the LSTM and the "
        "transformer learn it, with vectors instead of counts.\n"
    )


if __name__ == "__main__":
    picture = Path(__file__).resolve().parents[2] / "docs" / "model_map.svg"
    picture.write_text(model_map_svg(), encoding="utf-8")
