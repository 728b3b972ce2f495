"""The service under load: a second process as client, 16 connections kept alive.

The client writes HTTP on plain streams, so that it takes as little as possible of the processors
that it shares with the service.
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


def bodies(data: Dataset, many: int = 200, seed: int = 0) -> list[str]:
    """Requests with ratings of real users' films, RATED each."""
    rng = np.random.default_rng(seed)
    weight = data.counts("item") / len(data)
    made = []
    for _ in range(many):
        items = rng.choice(data.n_items, RATED, replace=False, p=weight)
        stars = rng.choice(np.unique(data.rating), RATED).tolist()
        pairs = zip(data.item_vocab.ids[items].tolist(), stars, strict=True)
        rows = [{"item": item, "rating": rating} for item, rating in pairs]
        made.append(json.dumps({"ratings": rows, "k": 10}))
    return made


# ---- the client -----------------------------------------------------------------------------


async def load(port: int, requests: int, content: list[str]) -> dict[str, Any]:
    """Send that many requests over the connections, each sending its next when it is answered."""
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


def client(port: int, requests: int, content: list[str]) -> dict[str, Any]:
    """`load` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.serving"]
    told, root = json.dumps([port, requests, content]), Path(__file__).parents[1]
    ran = subprocess.run(command, input=told, capture_output=True, text=True, check=True, cwd=root)
    return json.loads(ran.stdout)


# ---- the service ----------------------------------------------------------------------------


class Service:
    """The service as its own process, as the command line starts it; SIGTERM at the end."""

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
    """Requests a second, latency and memory; medians of RUNS runs."""
    train = data.split("random", seed=42)[0]
    model = rt.models.BiasedMF.for_dataset(train)
    rt.fit(model, train, progress=False)
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
    rate = f"{r['per_second']:.0f} recommendations by ratings a second"
    cost = f"{r['server_cpu_ms_per_request']:.2f} ms of a core each"
    grown = f"memory {r['memory_growth_mb']:+.1f} MB over {STEADY:,} requests"
    return [
        (f"service: {rate} (at least {LEAST_A_SECOND}), {cost}", r["per_second"] >= LEAST_A_SECOND),
        (f"service: 99 % in {r['p99_ms']:.1f} ms (under {MOST_P99:g})", r["p99_ms"] < MOST_P99),
        (f"service: {r['errors']} errors", r["errors"] == 0),
        (f"service: {grown} (less than {MOST_GROWTH:g})", r["memory_growth_mb"] < MOST_GROWTH),
    ]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(load(*json.load(sys.stdin)))))
