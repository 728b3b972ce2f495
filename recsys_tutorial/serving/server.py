"""Running the service: in the foreground for a shell, in the background for a notebook."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import json
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Hashable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlencode

from recsys_tutorial.serving import extra

extra.require()

import uvicorn  # noqa: E402
from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: E402

from recsys_tutorial.serving.app import Holder, create_app, model_id  # noqa: E402
from recsys_tutorial.serving.engine import Engine  # noqa: E402
from recsys_tutorial.serving.exporting import CARD, ExportError, load  # noqa: E402
from recsys_tutorial.serving.guard import Limits  # noqa: E402

log = logging.getLogger("recsys_tutorial.serving")

HEAD_SECONDS = 10.0
"""Time for a request's head to arrive, from the connection's or the request's first byte."""
IDLE_SECONDS = 30
GRACE_SECONDS = 15
CONNECTIONS = 1000
LOOK_SECONDS = 1.0
"""How often to look whether there is a new export."""


class Watch:
    """Takes over a new export as soon as its card is there; a bad one leaves the old in place."""

    def __init__(self, folder: Path, holder: Holder) -> None:
        self.folder, self.holder = folder, holder
        self.known = self._stamp()

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = (self.folder / CARD).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    async def look(self) -> bool:
        """Load what is new, beside the requests being answered; True if it was taken over."""
        stamp = self._stamp()
        if stamp is None or stamp == self.known:
            return False
        self.known = stamp
        try:
            engine = await asyncio.to_thread(lambda: Engine(load(self.folder)))
        except Exception as error:  # whatever it is, the old model goes on
            plain = isinstance(error, ExportError)
            log.error("new model refused, the old one stays: %s", error, exc_info=not plain)
            self.holder.metrics.loads.labels("refused").inc()
            return False
        self.holder.replace(engine)
        self.holder.metrics.loads.labels("taken").inc()
        log.info("new model %s", model_id(engine))
        return True

    async def forever(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()


class _Protocol(H11Protocol):
    """Closes connections on which a request's head does not arrive in time."""

    _head_timer: asyncio.TimerHandle | None = None
    head_seconds = HEAD_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.head_seconds, self._too_slow)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        waiting = self.cycle is None or self.cycle.response_complete
        if not waiting and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        elif waiting and self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def _too_slow(self) -> None:
        self._head_timer = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


class _Server(uvicorn.Server):
    """Ends with its work done: a signal is a wish to stop, not an error to die of."""

    def __init__(self, config: uvicorn.Config, holder: Holder) -> None:
        super().__init__(config)
        self.holder = holder

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = [signal.SIGINT, signal.SIGTERM]
        before = {number: signal.signal(number, self.handle_exit) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.holder.stopping = True
        super().handle_exit(sig, frame)


def _build(folder: Path, limits: Limits | None, access_log: bool) -> _Server:
    holder = Holder(Engine(load(folder)))
    watch = Watch(folder, holder)

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(watch.forever())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    config = uvicorn.Config(
        create_app(holder, limits=limits, lifespan=lifespan),
        http=_Protocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=access_log,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        limit_concurrency=CONNECTIONS,
        backlog=256,
    )
    return _Server(config, holder)


def _listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections. OSError that says what to do."""
    found = None
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # asyncio switches off Nagle's algorithm only where the protocol is named; with it, an
        # answer in two pieces waits 40 ms for the client's delayed acknowledgement.
        found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name != "nt":  # there it would let two servers share a port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(256)
        found.setblocking(False)
    except (OSError, OverflowError) as error:
        if found is not None:
            found.close()
        raise OSError(
            f"cannot listen on {host} port {port}: {getattr(error, 'strerror', None) or error}. "
            "Choose another port (0 finds a free one)"
        ) from None
    return found


def run(
    path: str | Path, *, host: str = "127.0.0.1", port: int = 8000, access_log: bool = False
) -> None:
    """Serve an export until SIGINT or SIGTERM; requests in flight are finished first.

    Raises ExportError for an export that cannot be used, OSError for a port that is taken.
    """
    server = _build(Path(path), None, access_log)
    listening = _listen(host, port)
    print(_welcome(host, listening.getsockname()[1], server.holder), flush=True)
    gc.collect()
    gc.freeze()  # what is here stays: the collector need not walk through it during requests
    server.run(sockets=[listening])
    print("Stopped.", flush=True)


class Served:
    """A service that runs in the background of this process.

    url : its address; `stop()` ends it, as does the end of the process
    """

    def __init__(self, server: _Server, listening: socket.socket, host: str) -> None:
        self._server = server
        self.port = listening.getsockname()[1]
        self.url = _url(host, self.port)
        self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="serving", daemon=True
        )
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self, timeout: float = GRACE_SECONDS + 5) -> None:
        """Finish the requests in flight, then end. A second call does nothing."""
        self._server.holder.stopping = True
        self._server.should_exit = True
        self._thread.join(timeout)
        if self.running:
            raise RuntimeError(f"the service at {self.url} did not end within {timeout:g} s")

    def address(self, ratings: Mapping[Hashable, float] | None = None) -> str:
        """The page's address; with ratings (item id to stars) one that brings them along.

        They stand behind a #, which browsers keep to themselves. KeyError for an unknown item.
        """
        if not ratings:
            return self.url
        engine, rows = self._server.holder.engine, []
        for item, stars in ratings.items():
            position = engine.item(str(item))
            if position is None:
                raise KeyError(f"unknown item {item!r}: the model that is served does not have it")
            rows.append({**engine.items[position], "rating": float(stars)})
        return f"{self.url}#{urlencode({'ratings': json.dumps(rows)})}"

    def iframe(self, ratings: Mapping[Hashable, float] | None = None, height: int = 720) -> Any:
        """The page, to be shown in a notebook cell; with these ratings to begin with."""
        from IPython.display import IFrame

        return IFrame(self.address(ratings), width="100%", height=height)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Served {self.url}, {'running' if self.running else 'stopped'}>"


def serve(
    path: str | Path, *, host: str = "127.0.0.1", port: int = 0, limits: Limits | None = None
) -> Served:
    """Serve an export in the background of this process, and return at once.

    host : "127.0.0.1" is reached from this machine only; "0.0.0.0" from the network as well
    port : 0 takes a free one

    Raises ServeExtraMissing without FastAPI, ExportError for an export that cannot be used, OSError
    for a port that is taken.
    """
    server = _build(Path(path), limits, access_log=False)
    return Served(server, _listen(host, port), host)


def _welcome(host: str, port: int, holder: Holder) -> str:
    card = holder.engine.card
    text = (
        f"Serving {card['model']['class']} of {card['data']['name']}, "
        f"{len(card['items']['ids']):,} items, model {model_id(holder.engine)}\n"
        f"{_url(host, port)} (Ctrl-C ends it)"
    )
    if is_loopback(host):
        return text
    return f"{text}\nWhoever reaches this machine's port {port} can use it: there is no password."


def _url(host: str, port: int) -> str:
    name = "127.0.0.1" if host in ("0.0.0.0", "localhost") else host
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
