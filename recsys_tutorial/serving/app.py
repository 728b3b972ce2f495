"""The web service: its addresses and their answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, exposition
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from recsys_tutorial import __version__
from recsys_tutorial.serving.engine import MOST_RATINGS, Engine
from recsys_tutorial.serving.exporting import CARD, load
from recsys_tutorial.serving.server import Keep
from recsys_tutorial.serving.site import PAGE

log = logging.getLogger("recsys_tutorial.serving")

LOOK_SECONDS = 1.0  # between two looks for a new export
LARGEST_BODY = 64 * 1024  # bytes
HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'self'; img-src 'self' data:",
}

Count = Annotated[int, Field(ge=1, le=100, description="how many at most")]


class Rating(BaseModel):
    """One rating, in stars."""

    model_config = ConfigDict(extra="forbid")
    item: StrictInt | StrictStr
    rating: Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Ratings(BaseModel):
    """The ratings of a new user."""

    model_config = ConfigDict(extra="forbid")
    ratings: Annotated[list[Rating], Field(max_length=MOST_RATINGS)]


class RecommendRequest(Ratings):
    """The ratings of a new user, and the number of recommendations."""

    k: Annotated[Count, Field(strict=True)] = 10


class ExplainRequest(Ratings):
    """The ratings of a new user, and the item whose score to explain."""

    item: StrictInt | StrictStr


class Live:
    """The engine in use. A request takes it once, so a new engine does not disturb it.

    Attributes:
        keep: Called with ratings to keep, {item id: stars}; None if they cannot be kept.
        registry: This application's metrics for Prometheus.
    """

    def __init__(self, engine: Engine, keep: Keep | None = None) -> None:
        self.keep = keep
        self.registry = own = CollectorRegistry()
        labels = ["method", "route", "status"]
        self.requests = Counter("recsys_requests_total", "Requests answered", labels, registry=own)
        self.seconds = Histogram(
            "recsys_request_seconds", "Seconds until the answer starts", ["route"], registry=own
        )
        loads = "New models taken over, or refused"
        self.loads = Counter("recsys_model_loads_total", loads, ["result"], registry=own)
        self.model = Gauge("recsys_model_info", "The model in use", ["model", "data"], registry=own)
        self.replace(engine)

    def replace(self, engine: Engine) -> None:
        """Use this engine from the next request on."""
        self.engine = engine
        self.model.clear()
        self.model.labels(engine.model_id, engine.card["data"]["name"]).set(1)

    async def follow(self, folder: Path, known: int) -> None:
        """Take over each new export as soon as its card is written; refuse a damaged one.

        `known` is the `_stamp` of the current export.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            stamp = _stamp(folder)
            if stamp in (0, known):
                continue
            known = stamp
            try:  # in a thread, while requests are answered
                self.replace(await asyncio.to_thread(lambda: Engine(load(folder))))
                self.loads.labels("taken").inc()
                log.info("new model %s", self.engine.model_id)
            except Exception as error:
                self.loads.labels("refused").inc()
                log.error("new model refused, the old one stays: %s", error)


def _stamp(folder: Path) -> int:
    """When the card was written, in nanoseconds; 0 without a card."""
    card = folder / CARD
    return card.stat().st_mtime_ns if card.is_file() else 0


def create_app(folder: str | Path, keep: Keep | None = None) -> FastAPI:
    """The ASGI application that serves this export, and each new one in its directory.

    Raises:
        ExportError: the export cannot be used.
        TypeError: its model cannot place new users.
    """
    stamp, live = _stamp(Path(folder)), Live(Engine(load(folder)), keep)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(live.follow(Path(folder), stamp))
        yield
        following.cancel()

    app = FastAPI(
        title="Recommender",
        description="Recommendations for known users and for ratings given on the spot.",
        version=__version__,
        docs_url=None,  # these pages load scripts from other hosts; tools read /openapi.json
        redoc_url=None,
        lifespan=lifespan,
        responses={"4XX": {"description": "What is wrong, in words: the JSON has a detail"}},
    )
    app.state.live = live
    app.add_exception_handler(RequestValidationError, _invalid)
    app.mount("/page", StaticFiles(directory=PAGE))
    _answers(app, live)
    _operations(app, live)
    return app


# ---- the answers ------------------------------------------------------------------------------


def _answers(app: FastAPI, live: Live) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return HTMLResponse((PAGE / "index.html").read_text(encoding="utf-8"))

    @app.post("/recommend")
    async def recommend(request: RecommendRequest) -> Response:
        """The best items for a new user with these ratings, with reasons."""
        engine = live.engine
        best = engine.recommend(*_rated(engine, request), request.k)
        return JSONResponse({"model": engine.model_id, "recommendations": best})

    @app.post("/explain")
    async def explain(request: ExplainRequest) -> Response:
        """The contribution of each of these ratings to the score of one item."""
        engine = live.engine
        item = _known(engine.item(request.item), "item")
        return JSONResponse(engine.explain(*_rated(engine, request), item))

    @app.get("/users/{user}/recommendations")
    async def recommend_user(user: str, k: Count = 10) -> Response:
        """The best items for a user of the training data, without those they rated."""
        engine = live.engine
        best = engine.recommend_user(_known(engine.user(user), "user"), k)
        return JSONResponse({"model": engine.model_id, "recommendations": best})

    @app.get("/search")
    async def search(
        q: Annotated[str, Query(max_length=100, description="words of the title")] = "",
        k: Count = 10,
    ) -> Response:
        """Items by words of their titles, typing errors allowed; without words the most rated."""
        engine = live.engine
        return JSONResponse({"items": [engine.items[i] for i in engine.search.find(q, k)]})

    @app.post("/keep", include_in_schema=False)
    async def keep(request: Ratings) -> Response:
        """Pass the ratings to the notebook that started this service on its own machine."""
        if live.keep is None:
            raise HTTPException(404)
        items, stars = _rated(live.engine, request)
        known = live.engine.card["items"]
        live.keep({known[i]["item"]: s for i, s in zip(items, stars.tolist(), strict=True)})
        return JSONResponse({"kept": len(items)})


def _rated(engine: Engine, request: Ratings) -> tuple[np.ndarray, np.ndarray]:
    """Positions and stars of the ratings in a request; status 422 for impossible ones."""
    low, high = engine.scale
    stars = [given.rating for given in request.ratings]
    positions = [engine.item(given.item) for given in request.ratings]
    if None in positions:
        unknown = ascii(request.ratings[positions.index(None)].item)[:40]
        raise HTTPException(422, f"unknown item {unknown} among the ratings")
    if off := [one for one in stars if not low <= one <= high]:
        raise HTTPException(422, f"rating {off[0]:g} is off the scale {low:g} to {high:g}")
    if len(set(positions)) < len(positions):
        raise HTTPException(422, "an item is rated twice: send the last rating only")
    return np.array(positions, dtype=np.int64), np.array(stars, dtype=np.float64)


def _known(position: int | None, kind: str) -> int:
    if position is None:
        raise HTTPException(404, f"this {kind} is not known here")
    return position


async def _invalid(request: Request, error: Exception) -> Response:
    """The error and its place, without repeating the request."""
    assert isinstance(error, RequestValidationError)
    wrong = [f"{'.'.join(map(str, e['loc'][1:])) or 'body'}: {e['msg']}" for e in error.errors()]
    return JSONResponse({"detail": "; ".join(wrong[:3])[:500]}, 422)


# ---- operations -------------------------------------------------------------------------------


def _operations(app: FastAPI, live: Live) -> None:
    @app.get("/ready", tags=["operations"])
    async def ready() -> Response:
        """Says that the service answers, and with which model."""
        return JSONResponse({"status": "ready", "model": live.engine.model_id})

    @app.get("/metrics", tags=["operations"], response_class=Response)
    async def metrics() -> Response:
        """Counts and times in the text format of Prometheus."""
        text = exposition.generate_latest(live.registry)
        return Response(text, media_type=exposition.CONTENT_TYPE_LATEST)

    @app.get("/card", tags=["operations"])
    async def card() -> Response:
        """The export's models, data, metrics and versions, without the lists of ids."""
        engine = live.engine
        shown = {k: v for k, v in engine.card.items() if k not in ("users", "items")}
        counts = {"n_users": len(engine.card["users"]["ids"]), "n_items": len(engine.items)}
        page = {**engine.about(), "keeps": live.keep is not None}
        return JSONResponse({**shown, **counts, "page": page})

    @app.middleware("http")
    async def watch(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Limit bodies, count requests, hide internal errors. A reverse proxy has to handle slow
        clients and floods."""
        began, sent = time.perf_counter(), request.headers
        if "transfer-encoding" in sent or int(sent.get("content-length", 0)) > LARGEST_BODY:
            refusal = f"the body is larger than {LARGEST_BODY:,} bytes, or of unknown size"
            answer: Response = JSONResponse({"detail": refusal}, 413)
        else:
            try:
                answer = await call_next(request)
            except Exception:
                log.exception("%s %s failed", request.method, request.url.path)
                answer = JSONResponse({"detail": "something went wrong: see the log"}, 500)
        answer.headers.update(HEADERS)
        # The route's template, since clients could send any number of paths.
        route = getattr(request.scope.get("route"), "path", "other")
        live.requests.labels(request.method, route, answer.status_code).inc()
        live.seconds.labels(route).observe(time.perf_counter() - began)
        return answer
