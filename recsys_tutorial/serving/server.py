"""Running the service: in the foreground for a shell, in the background for a notebook."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Hashable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn

from recsys_tutorial.serving.app import Holder, Keep, create_app, model_id
from recsys_tutorial.serving.engine import Engine
from recsys_tutorial.serving.exporting import CARD, ExportError, load

log = logging.getLogger("recsys_tutorial.serving")

GRACE_SECONDS = 15
LOOK_SECONDS = 1.0  # how often to look whether there is a new export
_running: list[Served] = []  # the service that `serve` started last in this process


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


class _Server(uvicorn.Server):
    """Says on /ready that it is about to end."""

    def __init__(self, config: uvicorn.Config, holder: Holder) -> None:
        super().__init__(config)
        self.holder = holder

    def handle_exit(self, sig: int, frame: Any) -> None:
        self.holder.stopping = True
        super().handle_exit(sig, frame)


def _build(folder: Path, keep: Keep | None, access_log: bool) -> _Server:
    holder = Holder(Engine(load(folder)), keep)
    watch = Watch(folder, holder)

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(watch.forever())
        yield
        task.cancel()

    config = uvicorn.Config(
        create_app(holder, lifespan=lifespan),
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=access_log,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return _Server(config, holder)


def _listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections. OSError that says what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, since asyncio
    try:  # then sends the second piece of an answer without waiting for the first one's receipt
        if os.name != "nt":  # there it would let two servers share a port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(256)
        return found
    except (OSError, OverflowError) as error:
        found.close()
        raise OSError(
            f"cannot listen on {host} port {port}: {getattr(error, 'strerror', None) or error}. "
            "Choose another port (0 finds a free one)"
        ) from None


def run(
    path: str | Path, *, host: str = "127.0.0.1", port: int = 8000, access_log: bool = False
) -> None:
    """Serve an export until SIGINT or SIGTERM; requests in flight are finished first.

    Raises:
        ExportError: the export cannot be used.
        OSError: the port is taken.
    """
    server = _build(Path(path), None, access_log)
    with _listen(host, port) as listening:
        url, engine = _url(host, listening.getsockname()[1]), server.holder.engine
        print(
            f"Serving {engine.card['model']['class']} of {engine.card['data']['name']}, "
            f"{len(engine.items):,} items, model {model_id(engine)}\n{url} (Ctrl-C ends it)"
        )
        if not is_loopback(host):
            print("Whoever reaches this machine can use it: there is no password.")
        print(end="", flush=True)
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn passes the signal on when it is done
            server.run(sockets=[listening])
    print("Stopped.", flush=True)


class Served:
    """A service that runs in the background of this process.

    Attributes:
        url: Its address; `stop()` ends it, as does the end of the process.
    """

    def __init__(self, server: _Server, listening: socket.socket, host: str) -> None:
        self._server, self._listening = server, listening
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
        """Finish the requests in flight and free the port. A second call does nothing."""
        self._server.holder.stopping = True
        self._server.should_exit = True
        self._thread.join(timeout)
        if self.running:
            raise RuntimeError(f"the service at {self.url} did not end within {timeout:g} s")
        self._listening.close()

    def address(self, ratings: Mapping[Hashable, float] | None = None, whose: str = "") -> str:
        """The page's address; with ratings (item id to stars) one that brings them along.

        They stand behind a #, which browsers keep to themselves. KeyError for an unknown item.

        Args:
            ratings: What the page begins with.
            whose: Who gave them, for the page to say, as long as nobody has changed them.
        """
        if not ratings:
            return self.url
        engine, rows = self._server.holder.engine, []
        for item, stars in ratings.items():
            position = engine.item(str(item))
            if position is None:
                raise KeyError(f"unknown item {item!r}: the model that is served does not have it")
            rows.append({**engine.items[position], "rating": float(stars)})
        brought = {"ratings": json.dumps(rows)} | ({"whose": whose} if whose else {})
        return f"{self.url}#{urlencode(brought)}"

    def iframe(
        self, ratings: Mapping[Hashable, float] | None = None, height: int = 720, whose: str = ""
    ) -> Any:
        """The page, to be shown in a notebook cell; with these ratings to begin with."""
        from IPython.display import IFrame

        return IFrame(self.address(ratings, whose), width="100%", height=height)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Served {self.url}, {'running' if self.running else 'stopped'}>"


def serve(
    path: str | Path, *, host: str = "127.0.0.1", port: int = 0, keep: Keep | None = None
) -> Served:
    """Serve an export in the background of this process, and return once it answers.

    A service that an earlier call started in this process is stopped first.

    Args:
        path: The export.
        host: "127.0.0.1" is reached from this machine only; "0.0.0.0" from the network as well.
        port: 0 takes a free one.
        keep: Gets {item id: stars} when somebody presses "keep these ratings" on the page; on this
            machine only, never across the network.

    Raises:
        ImportError: FastAPI or uvicorn is not installed.
        ExportError: the export cannot be used.
        OSError: the port is taken.
        ValueError: `keep` with a host that other machines reach.
    """
    if keep is not None and not is_loopback(host):
        raise ValueError(
            f"host={host!r} is reached by other machines, and anybody there could overwrite your "
            'ratings: leave out keep, or serve on host="127.0.0.1"'
        )
    server = _build(Path(path), keep, access_log=False)
    while _running:
        _running.pop().stop()
    service = Served(server, _listen(host, port), host)
    _running.append(service)
    while service.running and not server.started:
        time.sleep(0.005)
    return service


def _url(host: str, port: int) -> str:
    name = "127.0.0.1" if host in ("0.0.0.0", "localhost") else host
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
