"""The service under load: a second process as client, 16 connections kept alive.

`compare(data)` measures, `gates(result)` judges. The client writes raw HTTP on plain sockets, so
that it takes as little as possible of the processors that it shares with the service.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import recsys_tutorial as rt
from recsys_tutorial.datasets import Dataset

CONNECTIONS = 16
REQUESTS = 3_000  # of one run
RUNS = 3
STEADY = 10_000  # requests over which memory is watched, after a warm-up
RATED = 12  # films that each request has rated
LEAST_A_SECOND = 300
MOST_P99 = 50.0  # ms
MOST_GROWTH = 8.0  # MB over STEADY requests


def bodies(data: Dataset, many: int = 200, seed: int = 0) -> list[bytes]:
    """Requests with ratings of real users' films, RATED each."""
    rng = np.random.default_rng(seed)
    ids = data.item_vocab.ids
    weight = data.counts("item") / len(data)
    made = []
    for _ in range(many):
        items = rng.choice(data.n_items, RATED, replace=False, p=weight)
        stars = rng.choice(np.unique(data.rating), RATED)
        rows = [
            {"item": ids[i].item() if hasattr(ids[i], "item") else ids[i], "rating": float(s)}
            for i, s in zip(items, stars, strict=True)
        ]
        made.append(json.dumps({"ratings": rows, "k": 10}).encode())
    return made


# ---- the client -----------------------------------------------------------------------------


class _Connection:
    """One connection kept alive, with one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.sent = b"", 0.0

    def ask(self, request: bytes) -> None:
        self.buffer, self.sent = b"", time.perf_counter()
        self.socket.sendall(request)

    def answered(self) -> int | None:
        """Status of the answer once all of it is here; 0 for a connection that was closed."""
        piece = self.socket.recv(65536)
        if not piece:
            return 0
        self.buffer += piece
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        low = head.lower()
        at = low.index(b"content-length:") + 15
        if len(body) < int(low[at:].split(b"\r\n", 1)[0]):
            return None
        return int(head.split(b" ", 2)[1])


def load(
    port: int, requests: int, content: list[bytes], connections: int = CONNECTIONS
) -> dict[str, Any]:
    """Send that many requests over the connections, each sending its next when it is answered."""
    raw = [
        b"POST /recommend HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        for body in content
    ]
    selector = selectors.DefaultSelector()
    started, done, seconds, errors = 0, 0, [], 0
    begin = time.perf_counter()
    for _ in range(min(connections, requests)):
        connection = _Connection(port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.ask(raw[started % len(raw)])
        started += 1
    open_ones = started
    while open_ones:
        ready = selector.select(timeout=30)
        if not ready:
            raise TimeoutError("the service has not answered for 30 s")
        for key, _ in ready:
            connection = key.data
            status = connection.answered()
            if status is None:
                continue
            done += 1
            seconds.append(time.perf_counter() - connection.sent)
            errors += status != 200
            if started < requests and status:
                connection.ask(raw[started % len(raw)])
                started += 1
            else:
                selector.unregister(connection.socket)
                connection.socket.close()
                open_ones -= 1
    took = time.perf_counter() - begin
    own = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "requests": done,
        "errors": errors + (requests - done),
        "seconds": took,
        "per_second": done / took,
        "p50_ms": float(np.percentile(seconds, 50) * 1e3),
        "p99_ms": float(np.percentile(seconds, 99) * 1e3),
        "client_cpu_seconds": own.ru_utime + own.ru_stime,
    }


def client(port: int, requests: int, content: list[bytes]) -> dict[str, Any]:
    """`load` in a process of its own."""
    told = json.dumps([port, requests, [body.decode() for body in content]])
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving"],
        input=told,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
        timeout=300,
    )
    return json.loads(ran.stdout)


# ---- the service ----------------------------------------------------------------------------


class Process:
    """The service as its own process, as the command line starts it."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        command = [sys.executable, "-m", "recsys_tutorial.serving", "serve", str(folder)]
        self.process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line.startswith("http"):
                self.port = int(line.split("/")[2].rsplit(":", 1)[1])
                return
        self.process.wait()
        raise RuntimeError(f"the service did not start: {''.join(said)}")

    def memory(self) -> float:
        """Resident memory in MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmRSS")

    def cpu(self) -> float:
        """Processor seconds used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> int:
        """Ask it to end unless it has; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextmanager
def running(folder: Path):
    service = Process(folder)
    try:
        yield service
    finally:
        service.stop()


def compare(data: Dataset) -> dict[str, Any]:
    """Requests a second, latency and memory; medians of RUNS runs."""
    train = data.split("random", seed=42)[0]
    model = rt.models.BiasedMF.for_dataset(train)
    rt.fit(model, train, progress=False)
    content = bodies(train)
    with tempfile.TemporaryDirectory() as folder:
        rt.serving.export(model, train, folder)
        with running(Path(folder)) as service:
            client(service.port, 500, content)  # warm-up
            runs = []
            for _ in range(RUNS):
                before = service.cpu()
                run = client(service.port, REQUESTS, content)
                run["server_cpu_ms_per_request"] = (service.cpu() - before) / REQUESTS * 1e3
                runs.append(run)
            before_mb = service.memory()
            steady = client(service.port, STEADY, content)
            growth = service.memory() - before_mb
    names = ("per_second", "p50_ms", "p99_ms", "server_cpu_ms_per_request")
    measured = {name: [run[name] for run in runs] for name in names}
    return {
        **{name: median(values) for name, values in measured.items()},
        **{f"{name}_range": [min(values), max(values)] for name, values in measured.items()},
        "errors": sum(run["errors"] for run in runs) + steady["errors"],
        "memory_mb": before_mb,
        "memory_growth_mb": growth,
        "settings": {
            "connections": CONNECTIONS,
            "requests": REQUESTS,
            "runs": RUNS,
            "steady": STEADY,
            "rated": RATED,
        },
    }


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    """What is asked of the service on two cores, and whether it holds."""
    r = result
    return [
        (
            f"service: {r['per_second']:.0f} recommendations by ratings a second "
            f"(at least {LEAST_A_SECOND}), {r['server_cpu_ms_per_request']:.2f} ms of a core each",
            r["per_second"] >= LEAST_A_SECOND,
        ),
        (
            f"service: 99 % within {r['p99_ms']:.1f} ms (under {MOST_P99:g})",
            r["p99_ms"] < MOST_P99,
        ),
        (f"service: {r['errors']} errors", r["errors"] == 0),
        (
            f"service: memory {r['memory_growth_mb']:+.1f} MB over {STEADY:,} requests "
            f"(less than {MOST_GROWTH:g})",
            r["memory_growth_mb"] < MOST_GROWTH,
        ),
    ]


if __name__ == "__main__":
    given_port, given_requests, given_bodies = json.load(sys.stdin)
    print(json.dumps(load(given_port, given_requests, [b.encode() for b in given_bodies])))
