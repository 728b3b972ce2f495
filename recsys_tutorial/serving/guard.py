"""What stands between the network and the service: limits, counts, and no stack trace going out."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger("recsys_tutorial.serving")

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'",
    ),
)


@dataclass(frozen=True)
class Limits:
    """What one client may ask of the service.

    body         : bytes of a request's body
    body_seconds : time for the body to arrive
    seconds      : time for the answer to be made and taken
    """

    body: int = 64 * 1024
    body_seconds: float = 10.0
    seconds: float = 30.0


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
        self.in_flight = Gauge("recsys_requests_in_flight", "Requests being answered", registry=own)
        said = "New models taken over, or refused"
        self.loads = Counter("recsys_model_loads_total", said, ["result"], registry=own)
        self.model = Gauge("recsys_model_info", "The model in use", ["model", "data"], registry=own)


class Refused(Exception):
    """A request that is answered before the service sees it."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Guard:
    """ASGI middleware around the routes of one application."""

    def __init__(self, app: Any, limits: Limits, metrics: Metrics) -> None:
        self.app, self.limits, self.metrics = app, limits, metrics

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(send)
        start = time.perf_counter()
        self.metrics.in_flight.inc()
        try:
            if scope["method"] in ("POST", "PUT", "PATCH"):
                receive = await self._whole_body(scope, receive)
            async with asyncio.timeout(self.limits.seconds):
                await self.app(scope, receive, answer.send)
        except Refused as refused:
            await answer.problem(refused.status, refused.detail)
        except _Gone:
            answer.status = 499  # nobody is there to be answered
        except TimeoutError:
            log.warning("%s %s took too long", scope["method"], _route(scope))
            await answer.problem(503, "this took too long: try again")
        except Exception:  # what it was is for the log, not for the network
            log.exception("%s %s failed", scope["method"], _route(scope))
            await answer.problem(500, "something went wrong in the service: its log says what")
        finally:
            self.metrics.in_flight.dec()
            route = _route(scope)
            self.metrics.requests.labels(_method(scope), route, str(answer.status)).inc()
            self.metrics.seconds.labels(route).observe(time.perf_counter() - start)

    async def _whole_body(self, scope: MutableMapping[str, Any], receive: Receive) -> Receive:
        """Read the body, bounded in size and time, and hand it on in one piece."""
        limit = self.limits.body
        too_large = Refused(413, f"the body is larger than {limit:,} bytes")
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if stated.isdigit() and int(stated[:20]) > limit:
            raise too_large
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > limit:
                        raise too_large
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            raise Refused(408, "the body did not arrive in time") from None
        body: Message | None = {"type": "http.request", "body": b"".join(parts), "more_body": False}

        async def replay() -> Message:
            nonlocal body
            if body is None:
                return await receive()
            whole, body = body, None
            return whole

        return replay


class _Gone(Exception):
    """The client hung up before its request was complete."""


class _Answer:
    """Sends an answer, with the headers that each one has, and knows its status."""

    def __init__(self, send: Send) -> None:
        self._send, self.status, self.started = send, 500, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
        await self._send(message)

    async def problem(self, status: int, detail: str) -> None:
        if self.started:  # half an answer is out: the server closes the connection
            return
        body = json.dumps({"detail": detail}).encode()
        length = str(len(body)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        if status in (408, 413):  # what is left of the body is not wanted
            headers.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _route(scope: MutableMapping[str, Any]) -> str:
    """The route's template, or "other": paths are the client's, and must not become labels."""
    return getattr(scope.get("route"), "path", None) or "other"


def _method(scope: MutableMapping[str, Any]) -> str:
    known = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH")
    return scope["method"] if scope["method"] in known else "other"
