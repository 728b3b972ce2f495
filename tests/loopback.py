"""A web server on this machine that answers what a test tells it to."""

from __future__ import annotations

import http.server
import socketserver
import threading
from collections.abc import Callable
from typing import Any

Handler = http.server.BaseHTTPRequestHandler


class Server:
    """A loopback server; `on` says what a path answers."""

    def __init__(self) -> None:
        self.routes: dict[str, Callable[[Handler], None]] = {}
        self.stopped = threading.Event()
        routes = self.routes

        class Answer(Handler):
            def do_GET(self) -> None:
                routes[self.path](self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Quiet(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that hangs up is what many tests want

        self.http = Quiet(("127.0.0.1", 0), Answer)
        self.base = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def on(self, path: str, answer: Callable[[Handler], None]) -> str:
        self.routes[path] = answer
        return self.base + path

    def close(self) -> None:
        self.stopped.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def answers(content: bytes, status: int = 200, **headers: str) -> Callable[[Handler], None]:
    headers = {"Content_Length": str(len(content)), **headers}

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer
