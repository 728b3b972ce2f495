"""What stands between the network and the service: a limit, counts, no stack trace out."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger("recsys_tutorial.serving")

LARGEST_BODY = 64 * 1024  # bytes
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'",
    ),
)


class Metrics:
    """What Prometheus asks for; each application counts for itself."""

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        labels = ["method", "route", "status"]
        self.requests = Counter("recsys_requests_total", "Requests answered", labels, registry=own)
        self.seconds = Histogram(
            "recsys_request_seconds",
            "Time from the request's head to the answer's end",
            ["route"],
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5, 30),
            registry=own,
        )
        said = "New models taken over, or refused"
        self.loads = Counter("recsys_model_loads_total", said, ["result"], registry=own)
        self.model = Gauge("recsys_model_info", "The model in use", ["model", "data"], registry=own)


class Guard:
    """ASGI middleware around the routes of one application.

    Slow clients, half requests and numbers of connections are the work of a reverse proxy.
    """

    def __init__(self, app: Any, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, start, size = 0, time.perf_counter(), 0
        problem: tuple[int, str] | None = None

        async def bounded() -> Message:
            nonlocal size, problem
            message = await receive()
            size += len(message.get("body", b""))
            if size > LARGEST_BODY:
                problem = 413, f"the body is larger than {LARGEST_BODY:,} bytes"
                raise ValueError(problem[1])
            return message

        async def answer(message: Message) -> None:
            nonlocal status
            if problem is None:
                if message["type"] == "http.response.start":
                    status = message["status"]
                    message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
                await send(message)

        try:
            await self.app(scope, bounded, answer)
        except Exception:  # what it was is for the log, not for the network
            if problem is None:
                log.exception("%s %s failed", scope["method"], _route(scope))
                problem = 500, "something went wrong in the service: its log says what"
        if problem is not None and not status:  # else half an answer is out
            status = problem[0]
            body = json.dumps({"detail": problem[1]}).encode()
            headers = [(b"content-type", b"application/json"), *HEADERS]
            headers += [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        route = _route(scope)
        self.metrics.requests.labels(_method(scope), route, str(status)).inc()
        self.metrics.seconds.labels(route).observe(time.perf_counter() - start)


def _route(scope: MutableMapping[str, Any]) -> str:
    """The route's template, or "other": paths are the client's, and must not become labels."""
    return getattr(scope.get("route"), "path", None) or "other"


def _method(scope: MutableMapping[str, Any]) -> str:
    known = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH")
    return scope["method"] if scope["method"] in known else "other"
