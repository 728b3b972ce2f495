"""The service: routes over an Engine. `python -m recsys_tutorial.serving serve DIR` runs it."""

from __future__ import annotations

import json
import mimetypes
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException as AnyHTTPException

from recsys_tutorial import __version__
from recsys_tutorial.serving import schemas
from recsys_tutorial.serving.engine import Engine
from recsys_tutorial.serving.guard import Guard, Metrics
from recsys_tutorial.serving.site import about, page_files, page_html

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Keep = Callable[[dict[Any, float]], Any]
Id = Annotated[str, Path(min_length=1, max_length=schemas.LONGEST_ID)]

FALLBACKS = {404: "nothing known by that name", 405: "this address does not take that method"}
Problems = dict[int | str, dict[str, Any]]
PROBLEMS: Problems = {
    status: {"model": schemas.Problem, "description": text}
    for status, text in {
        400: "The body is not JSON",
        404: "Unknown id",
        413: "The body is too large",
        422: "Something in the request cannot be",
        503: "Shutting down",
    }.items()
}
SCRIPTS = ("server.js", "app.js")  # of the page, in this order


class Holder:
    """The Engine in use. A request takes it once, so that a new one never disturbs it.

    Attributes:
        keep: Takes the ratings {item id: stars} that somebody wants to keep; None: nobody does.
    """

    def __init__(self, engine: Engine, keep: Keep | None = None) -> None:
        self.metrics, self.stopping, self.keep = Metrics(), False, keep
        self.replace(engine)

    def replace(self, engine: Engine) -> None:
        """Answer from this Engine from the next request on."""
        self.engine = engine
        self.metrics.model.clear()
        self.metrics.model.labels(model_id(engine), engine.card["data"]["name"]).set(1)


def model_id(engine: Engine) -> str:
    """What tells one export from another: the beginning of its weights' sum."""
    return str(engine.card["weights"]["sha256"][:12])


def create_app(engine: Engine | Holder, *, lifespan: Lifespan | None = None) -> FastAPI:
    """The ASGI application for one model; `Holder.replace` gives it another while it runs."""
    holder = engine if isinstance(engine, Holder) else Holder(engine)
    app = FastAPI(
        title="Recommender",
        description="Recommendations for known users and for ratings given on the spot.",
        version=__version__,
        docs_url=None,  # they load scripts from other hosts; tools read /openapi.json
        redoc_url=None,
        lifespan=lifespan,
        responses={422: PROBLEMS[422]},
    )
    app.add_middleware(Guard, metrics=holder.metrics)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(AnyHTTPException, _problem)
    _answers(app, holder)
    _operations(app, holder)
    _pages(app)
    return app


# ---- the answers ------------------------------------------------------------------------------


def _answers(app: FastAPI, holder: Holder) -> None:
    posted: Problems = {status: PROBLEMS[status] for status in (400, 413)}
    unknown: Problems = {404: PROBLEMS[404]}

    @app.post("/recommend", response_model=schemas.Recommendations, responses=posted)
    async def recommend(request: schemas.RecommendRequest) -> Response:
        """The best items for somebody known only by the ratings in the request."""
        engine = holder.engine
        items, ratings = _rated(engine, request)
        best = engine.recommend(items, ratings, request.k, request.reasons)
        return _json({"model": model_id(engine), "recommendations": best})

    @app.post("/explain", response_model=schemas.Explanation, responses=posted | unknown)
    async def explain(request: schemas.ExplainRequest) -> Response:
        """What each of these ratings contributes to the score of one item."""
        engine = holder.engine
        items, ratings = _rated(engine, request)
        return _json(engine.explain(items, ratings, _known(engine.item(request.item), "item")))

    address = "/users/{user}/recommendations"

    @app.get(address, response_model=schemas.Recommendations, responses=unknown)
    async def recommend_user(user: Id, k: schemas.Count = 10, reasons: bool = True) -> Response:
        """The best items for a user of the training data, less what they have rated."""
        engine = holder.engine
        best = engine.recommend_user(_known(engine.user(user), "user"), k, reasons)
        return _json({"model": model_id(engine), "recommendations": best})

    @app.get("/items/{item}/similar", response_model=schemas.Similar, responses=unknown)
    async def similar(item: Id, k: schemas.Count = 10) -> Response:
        """The items that the model places nearest to this one."""
        engine = _folding(holder.engine)
        near = engine.similar(_known(engine.item(item), "item"), k)
        return _json({"model": model_id(engine), "items": near})

    @app.get("/search", response_model=schemas.Found)
    async def search(
        q: Annotated[str, Query(max_length=100, description="words of the title")] = "",
        k: schemas.Count = 10,
    ) -> Response:
        """Items by words of their titles, slips in typing forgiven; else the most rated."""
        engine = holder.engine
        return _json({"items": [engine.items[i] for i in engine.search.find(q, k)]})

    @app.post("/keep", include_in_schema=False)
    async def keep(request: schemas.Ratings) -> Response:
        """Hand the ratings to the notebook that started this service on its own machine."""
        if holder.keep is None:
            raise HTTPException(404, FALLBACKS[404])
        items, ratings = _rated(holder.engine, request)
        ids = holder.engine.card["items"]["ids"]
        holder.keep({ids[i]: stars for i, stars in zip(items, ratings.tolist(), strict=True)})
        return _json({"kept": len(items)})


def _rated(engine: Engine, request: schemas.Ratings) -> tuple[np.ndarray, np.ndarray]:
    """Positions and stars of the ratings in a request; 422 for what cannot be."""
    _folding(engine)
    low, high = engine.scale
    positions = []
    for given in request.ratings:
        position = engine.item(given.item)
        if position is None:
            raise HTTPException(422, f"unknown item {ascii(given.item)[:40]} among the ratings")
        if not low <= given.rating <= high:
            off = f"rating {given.rating:g} is off the scale, {low:g} to {high:g}"
            raise HTTPException(422, off)
        positions.append(position)
    if len(set(positions)) < len(positions):
        raise HTTPException(422, "an item is rated twice: send the last rating only")
    stars = [given.rating for given in request.ratings]
    return np.array(positions, dtype=np.int64), np.array(stars, dtype=np.float64)


def _folding(engine: Engine) -> Engine:
    if not engine.folds_in:
        name = engine.card["model"]["class"]
        raise HTTPException(
            422, f"the model in use ({name}) only knows the users it was trained on"
        )
    return engine


def _known(position: int | None, kind: str) -> int:
    if position is None:
        raise HTTPException(404, f"this {kind} is not known here")
    return position


# ---- operations -------------------------------------------------------------------------------


def _operations(app: FastAPI, holder: Holder) -> None:
    began = time.monotonic()

    @app.get("/health", response_model=schemas.Health, tags=["operations"])
    async def health() -> Response:
        """200 as long as the process can answer at all."""
        return _json({"status": "alive", "uptime_seconds": round(time.monotonic() - began, 3)})

    stopping: Problems = {503: PROBLEMS[503]}

    @app.get("/ready", response_model=schemas.Ready, responses=stopping, tags=["operations"])
    async def ready() -> Response:
        """200 while new requests are welcome; 503 once a shutdown has begun."""
        if holder.stopping:
            raise HTTPException(503, "shutting down")
        return _json({"status": "ready", "model": model_id(holder.engine)})

    @app.get("/metrics", tags=["operations"], response_class=Response)
    async def metrics() -> Response:
        """Counts and times, in the text format of Prometheus."""
        content = generate_latest(holder.metrics.registry)
        return Response(content, media_type=CONTENT_TYPE_LATEST)

    @app.get("/card", tags=["operations"])
    async def card() -> dict[str, Any]:
        """What is served: models, data, metrics, versions; without the lists of ids."""
        engine = holder.engine
        shown = {k: v for k, v in engine.card.items() if k not in ("users", "items")}
        return {
            **shown,
            "n_users": len(engine.card["users"]["ids"]),
            "n_items": len(engine.items),
            "page": {**about(engine), "keeps": holder.keep is not None},
        }


# ---- the page ---------------------------------------------------------------------------------


def _pages(app: FastAPI) -> None:
    files = page_files()
    index = page_html(files["index.html"], SCRIPTS)

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return _file(index, "text/html")

    @app.get("/page/{name}", include_in_schema=False)
    async def asset(name: str) -> Response:
        if name not in files:
            raise HTTPException(404, FALLBACKS[404])
        kind = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0]
        return _file(files[name], kind or "application/octet-stream")


def _file(content: bytes, kind: str) -> Response:
    return Response(content, media_type=kind, headers={"cache-control": "no-cache"})


# ---- problems ---------------------------------------------------------------------------------


def _json(content: Any, status: int = 200, headers: Any = None) -> Response:
    body = json.dumps(content, separators=(",", ":"))
    return Response(body, status, media_type="application/json", headers=headers)


async def _invalid(request: Request, error: Exception) -> Response:
    """What is wrong and where, without repeating what was sent."""
    assert isinstance(error, RequestValidationError)
    lines = []
    for one in error.errors()[:3]:
        if one["type"] == "json_invalid":
            return _json({"detail": "the body is not JSON"}, 400)
        where = ".".join(str(part) for part in one["loc"] if part not in ("body", "query", "path"))
        lines.append(f"{where or 'body'}: {one['msg']}")
    text = "; ".join(lines).encode("ascii", "backslashreplace").decode()
    return _json({"detail": text[:500]}, 422)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, AnyHTTPException)
    known = isinstance(error, HTTPException) and error.status_code != 405
    detail = error.detail if known else FALLBACKS.get(error.status_code, error.detail)
    return _json({"detail": str(detail)}, error.status_code, error.headers)
