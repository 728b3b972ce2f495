"""What goes in and out of the service, as its OpenAPI page shows it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from recsys_tutorial.serving.engine import LARGEST, MOST_RATINGS

MOST_K = 100
LONGEST_ID = 200

ItemId = (
    Annotated[StrictInt, Field(gt=-LARGEST, lt=LARGEST)]  # beyond that, as text
    | Annotated[StrictStr, Field(min_length=1, max_length=LONGEST_ID)]
)
Count = Annotated[int, Field(ge=1, le=MOST_K, description="how many at most")]


class Rating(BaseModel):
    """One rating, in stars."""

    model_config = ConfigDict(extra="forbid")
    item: ItemId
    rating: Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Ratings(BaseModel):
    """Somebody known by these ratings alone."""

    model_config = ConfigDict(extra="forbid")
    ratings: Annotated[list[Rating], Field(max_length=MOST_RATINGS)]


class RecommendRequest(Ratings):
    """Ratings given on the spot, and how many recommendations are wanted."""

    k: Annotated[int, Field(ge=1, le=MOST_K, strict=True)] = 10
    reasons: Annotated[bool, Field(strict=True)] = True


class ExplainRequest(Ratings):
    """Ratings given on the spot, and the item whose score is to be explained."""

    item: ItemId


class Item(BaseModel):
    """An item of the catalogue."""

    item: int | str
    title: str
    year: int | None
    genres: list[str]


class Reason(BaseModel):
    """A rating and its push: what it adds to the score, above what it adds to items in general."""

    item: int | str
    title: str
    rating: float
    lift: float


class Steps(BaseModel):
    """The rest of the score: it is the sum of these and of the lifts of the reasons."""

    mean: float
    film: float
    person: float
    others: float


class Recommendation(Item):
    """An item, its score, and why.

    score is in stars or, of a model that was asked for lists, without unit; stars are predicted by
    the model of stars, ratings is the number of ratings that the item's numbers rest on.
    """

    score: float
    stars: float | None
    ratings: int
    reasons: list[Reason]
    steps: Steps | None = None


class Recommendations(BaseModel):
    """The best items, the best first; fewer than k where fewer are left."""

    model: str
    recommendations: list[Recommendation]


class SimilarItem(Item):
    """An item and its similarity, from -1 to 1."""

    similarity: float


class Similar(BaseModel):
    """The items most like one, the most similar first."""

    model: str
    items: list[SimilarItem]


class Found(BaseModel):
    """Items whose titles fit; the most rated of all where nothing was typed."""

    items: list[Item]


class Explanation(Item):
    """A score as a sum: mean, film and person, which are the base, and each rating's push."""

    score: float
    base: float
    mean: float
    film: float
    person: float
    contributions: list[Reason]


class Health(BaseModel):
    """That the process lives."""

    status: str
    uptime_seconds: float


class Ready(BaseModel):
    """That it would answer now, and with which model."""

    status: str
    model: str


class Problem(BaseModel):
    """Why there is no answer, in words for people."""

    detail: str
