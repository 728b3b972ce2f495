"""How fast the service answers.

The service of page 17 under load on the same machine: medians of the runs. A second process sends
the requests over 16 connections that stay open. It writes HTTP on plain streams, so that it takes
as little as possible of the processors that it shares with the service.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import recsys_tutorial as rt
from benchmarks.measuring import Gate, answer, at_least, at_most, fitted, in_a_process, middle
from recsys_tutorial.datasets import Dataset

CONNECTIONS = 16
REQUESTS = 3_000  # of one run
RUNS = 3
STEADY = 10_000  # requests over which memory is watched, after a warm-up
RATED = 12  # films that each request has rated
LEAST_A_SECOND = 300
MOST_P99 = 50.0  # ms
MOST_GROWTH = 8.0  # MB over STEADY requests


def bodies(data: Dataset) -> list[str]:
    """Two hundred requests, each with stars for RATED films that are drawn by popularity."""
    rng = np.random.default_rng(0)
    weight = data.counts("item") / len(data)
    made = []
    for _ in range(200):
        items = rng.choice(data.n_items, RATED, replace=False, p=weight)
        stars = rng.choice(np.unique(data.rating), RATED).tolist()
        pairs = zip(data.item_vocab.ids[items].tolist(), stars, strict=True)
        rows = [{"item": item, "rating": rating} for item, rating in pairs]
        made.append(json.dumps({"ratings": rows, "k": 10}))
    return made


async def send(port: int, requests: int, content: list[str]) -> dict[str, Any]:
    """That many requests over the connections, each sending its next one after an answer."""
    seconds, errors = [], 0
    left = iter(range(requests))

    async def connection() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in left:
            body = content[number % len(content)].encode()
            sent = time.perf_counter()
            writer.write(
                b"POST /recommend HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
            found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            assert found is not None
            await reader.readexactly(int(found[1]))
            seconds.append(time.perf_counter() - sent)
            errors += not head.startswith(b"HTTP/1.1 200")
        writer.close()

    begin = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return {
        "requests": len(seconds),
        "errors": errors,
        "per_second": len(seconds) / (time.perf_counter() - begin),
        "p50_ms": float(np.percentile(seconds, 50) * 1e3),
        "p99_ms": float(np.percentile(seconds, 99) * 1e3),
    }


def load(port: int, requests: int, content: list[str]) -> dict[str, Any]:
    return asyncio.run(send(port, requests, content))


def client(port: int, requests: int, content: list[str]) -> dict[str, Any]:
    """`load` in a process of its own."""
    return in_a_process("serving", "load", port, requests, content)


class Service:
    """The service in a process of its own, started as on the command line; ended by SIGTERM."""

    def __init__(self, folder: str | Path) -> None:
        command = [sys.executable, "-m", "recsys_tutorial.serving", "serve", str(folder)]
        self.process = subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(rb"running on http://.*:(\d+)", line):
                self.port = int(found[1])
                return
        raise RuntimeError("the service did not start")

    def memory(self) -> float:
        """Resident memory in MB."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def cpu(self) -> float:
        """Processor seconds used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)


def compare(data: Dataset) -> dict[str, Any]:
    """Requests per second, latency and memory; medians of RUNS runs."""
    train = data.split("random", seed=42)[0]
    model, _ = fitted("BiasedMF", train)
    content = bodies(train)
    with tempfile.TemporaryDirectory() as folder:
        rt.serving.export(model, train, folder)
        with Service(folder) as service:
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
    return {
        **middle({name: [run[name] for run in runs] for name in names}),
        "errors": sum(run["errors"] for run in [*runs, steady]),
        "memory_mb": before_mb,
        "memory_growth_mb": growth,
        "settings": {"connections": CONNECTIONS, "requests": REQUESTS, "runs": RUNS,
                     "steady": STEADY, "rated": RATED},
    }  # fmt: skip


def gates(result: dict[str, Any]) -> list[Gate]:
    """What is promised of the service on two cores, and whether it holds."""
    rate, p99, grown = (result[k] for k in ("per_second", "p99_ms", "memory_growth_mb"))
    cost = f"{result['server_cpu_ms_per_request']:.2f} ms of a core each"
    return [
        at_least(f"service: {rate:.0f} lists per second, {cost}", rate, LEAST_A_SECOND),
        (f"service: 99 % in {p99:.1f} ms (under {MOST_P99:g})", p99 < MOST_P99),
        at_most(f"service: {result['errors']} errors", result["errors"], 0),
        (f"service: memory {grown:+.1f} MB (less than {MOST_GROWTH:g})", grown < MOST_GROWTH),
    ]


if __name__ == "__main__":
    answer(load)
