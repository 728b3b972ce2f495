"""The works that `benchmarks/faults.py` disturbs: all that writes files which are read again."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

import recsys_tutorial as rt
from recsys_tutorial import serving
from recsys_tutorial.datasets import Dataset
from recsys_tutorial.datasets.download import download
from recsys_tutorial.models import BiasedMF
from recsys_tutorial.serving.site import build_site
from recsys_tutorial.training import checkpoint
from recsys_workshop import local

EPOCHS = 8
Do = Callable[[Path], Any]


class Wrong(AssertionError):
    """A fault did harm; the message says which."""


@dataclass(frozen=True)
class Work:
    """Something that writes into a folder.

    do    : the work
    read  : what the folder holds now, in short, read as the library reads it; None for nothing
    first : puts the folder into the state before
    quiet : where it cannot write it says so and goes on
    """

    name: str
    do: Do
    read: Callable[[Path], str | None]
    first: Do = lambda folder: None
    quiet: bool = False


def works(data: Dataset, scratch: Path) -> list[Work]:
    """Every kind of work whose files are read again later; the address of the file to download is
    in `scratch`, where `a_server` puts it."""
    train, valid, _ = data.split("random", seed=42)
    half = train.take(np.arange(len(train) // 2))
    models = []
    for seed in (0, 1):
        models.append(BiasedMF.for_dataset(train))
        rt.fit(models[-1], train, epochs=1, seed=seed, progress=False)
    old, new = models
    loaded = [serving.load(serving.export(m, train, scratch / str(id(m)))) for m in models]

    def fit(folder: Path) -> None:
        model = BiasedMF.for_dataset(train)
        settings: dict[str, Any] = {"epochs": EPOCHS, "early_stopping": EPOCHS, "progress": False}
        rt.fit(model, train, valid, checkpoint_dir=folder, resume=True, **settings)
        checkpoint.save(folder / "result.pt", {"weights": model.state_dict()})

    def trained(folder: Path) -> str | None:
        found = [checkpoint.read(path) for path in folder.glob("*.pt")]
        return next((_sum(one["weights"]) for one in found if "weights" in one), None)

    def exported(folder: Path) -> str | None:
        return _sum(serving.load(folder).model.state_dict())

    def site(folder: Path) -> str | None:
        line = (folder / "table.js").read_text(encoding="utf-8").partition(";\n")[0]
        head, _, table = line.partition("=")
        names = ("index.html", "style.css", "app.js", "engine.js", "static.js")
        if head != "window.TABLE" or not all((folder / name).stat().st_size for name in names):
            raise Wrong("the site is not whole")
        return hashlib.sha256(json.loads(json.loads(table))["rows"].encode()).hexdigest()

    def kept(folder: Path) -> str | None:
        opened = rt.datasets.open(folder)
        return f"{opened!r} {opened.rating.sum()}"

    def fetch(folder: Path) -> None:
        url, digest = (scratch / "address").read_text().split()
        download(url, folder / "file", sha256=digest, max_bytes=10**8, progress=False)

    def fetched(folder: Path) -> str | None:
        path = folder / "file"
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None

    def rate(folder: Path, stars: int) -> None:
        rows = [{"item": item, "title": "a film", "rating": stars} for item in range(500)]
        with patch.dict(os.environ, {local.STATE: str(folder)}):
            local.write_json("me.json", {"films": rows})

    def rated(folder: Path) -> str | None:
        with patch.dict(os.environ, {local.STATE: str(folder)}):
            return str(local.read_json("me.json", lambda content: True))

    def publish(folder: Path, number: int) -> None:
        with patch("recsys_tutorial.serving.site._check_terms"):  # it stays in a scratch folder
            build_site(loaded[number], folder)

    return [
        Work("training", fit, trained),
        Work(
            "export",
            lambda f: serving.export(new, train, f),
            exported,
            lambda f: serving.export(old, train, f),
        ),
        Work("download", fetch, fetched),
        Work("index of the site", lambda f: publish(f, 1), site, lambda f: publish(f, 0)),
        Work("columns", train.save, kept, half.save),
        Work("ratings", lambda f: rate(f, 5), rated, lambda f: rate(f, 1), quiet=True),
    ]


def _sum(tables: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tables):
        digest.update(name.encode() + tables[name].numpy().tobytes())
    return digest.hexdigest()


@contextmanager
def a_server(scratch: Path, blocks: int = 40) -> Iterator[None]:
    """A process that serves a file on loopback, a little at a time."""
    content = random.Random(0).randbytes(blocks * 10_000)

    class Slowly(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(OSError):
                for start in range(0, len(content), 10_000):
                    self.wfile.write(content[start : start + 10_000])
                    time.sleep(0.001)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slowly)
    digest = hashlib.sha256(content).hexdigest()
    (scratch / "address").write_text(f"http://127.0.0.1:{server.server_port}/file {digest}")
    parent, server.timeout = os.getpid(), 1.0
    pid = os.fork()
    if pid == 0:
        while os.getppid() == parent:  # not for longer than who asked for it
            server.handle_request()
        os._exit(0)
    server.server_close()
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def small() -> Dataset:
    """Planted data that a work takes some tenths of a second for."""
    return rt.datasets.planted(n_users=100, n_items=60, n_ratings=2_500)
