"""The service in the background of a notebook."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

Keep = Callable[[dict[Any, float]], Any]
_running: list[Served] = []  # the service that `serve` started last in this process


class Served:
    """A service in the background of this process; `stop()` or the end of the process ends it.

    Attributes:
        url: Its address.
    """

    def __init__(self, server: Any) -> None:
        self._server = server
        self._thread = threading.Thread(target=self._run, name="serving", daemon=True)
        self._thread.start()
        while self.running and not server.started:
            time.sleep(0.005)
        host, port = server.config.host, server.config.port
        if not self.running:
            raise OSError(
                f"cannot listen on {host} port {port}, for the reason above: choose another port "
                "(0 finds a free one)"
            )
        self.port = server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{self.port}/"

    def _run(self) -> None:
        with contextlib.suppress(SystemExit):  # uvicorn raises it if it cannot listen
            self._server.run()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish the current requests and free the port. A second call does nothing."""
        self._server.should_exit = True
        self._thread.join()

    def address(self, ratings: Mapping[Hashable, float] | None = None, whose: str = "") -> str:
        """The page's address; with ratings (item id to stars) the page starts with them.

        They follow a #, so the browser does not send them. The page says `whose` ratings they are
        until somebody changes them. An unknown item is a KeyError.
        """
        if not ratings:
            return self.url
        app: Any = self._server.config.app
        engine, rows = app.state.live.engine, []
        for item, stars in ratings.items():
            position = engine.item(str(item))
            if position is None:
                raise KeyError(f"unknown item {item!r}: the served model does not have it")
            rows.append({**engine.items[position], "rating": float(stars)})
        brought = {"ratings": json.dumps(rows)} | ({"whose": whose} if whose else {})
        return f"{self.url}#{urlencode(brought)}"

    def iframe(
        self, ratings: Mapping[Hashable, float] | None = None, height: int = 720, whose: str = ""
    ) -> Any:
        """The page for a notebook cell; arguments as in `address`."""
        from IPython.display import IFrame

        return IFrame(self.address(ratings, whose), width="100%", height=height)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Served {self.url}, {'running' if self.running else 'stopped'}>"


def extra() -> tuple[Any, Any]:
    """uvicorn and `create_app`, which need the extra `serve`; ImportError says how to get it."""
    try:
        import uvicorn

        from recsys_tutorial.serving.app import create_app
    except ModuleNotFoundError as error:
        raise ImportError(
            f"the service needs the extra `serve`, and {error.name} is not installed: run  "
            'pip install "recsys-tutorial[serve]"  or, in a checkout,  pip install -e ".[serve]"',
            name=error.name,
        ) from None
    return uvicorn, create_app


def serve(
    path: str | Path, *, host: str = "127.0.0.1", port: int = 0, keep: Keep | None = None
) -> Served:
    """Serve an export in the background of this process, and return once it answers.

    The service of an earlier call in this process is stopped first.

    Args:
        path: The export.
        host: "127.0.0.1" serves this machine only; "0.0.0.0" the network too.
        port: 0 takes a free one.
        keep: Called with {item id: stars} when "keep these ratings" is pressed on the page; for
            this machine only.

    Raises:
        ImportError: FastAPI or uvicorn is not installed.
        ExportError: the export cannot be used.
        TypeError: its model cannot place new users.
        OSError: the port is taken.
        ValueError: `keep` with a host that other machines reach.
    """
    if keep is not None and host not in ("127.0.0.1", "localhost"):
        raise ValueError(
            f"host={host!r} serves other machines too, whose users could overwrite your ratings: "
            'leave out keep, or serve on host="127.0.0.1"'
        )
    uvicorn, create_app = extra()
    app = create_app(path, keep)
    while _running:
        _running.pop().stop()
    settings = uvicorn.Config(app, host, port, log_level="warning", timeout_graceful_shutdown=15)
    _running.append(Served(uvicorn.Server(settings)))
    return _running[-1]
