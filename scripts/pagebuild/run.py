"""Run a notebook in a fresh kernel, and note its outputs, its seconds and its peak memory."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any

import jupyter_client.channels
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

CELL_SECONDS = 900  # ends a cell that hangs; generous, since the machine may be busy


@dataclass(frozen=True)
class Run:
    """A notebook with its outputs, its wall time in seconds, its kernel's peak memory in MiB.

    values : results of the expressions given to `run`; a str with the error if one failed
    """

    notebook: nbformat.NotebookNode
    seconds: float
    peak_mib: float | None
    values: dict[str, Any]

    def outputs(self, kind: str) -> list[Any]:
        """Outputs of one type ("stream", "display_data", ...) of all cells in order."""
        cells = [c for c in self.notebook.cells if c.cell_type == "code"]
        return [out for c in cells for out in c.outputs if out.output_type == kind]

    @property
    def errors(self) -> list[str]:
        return [f"{out.ename}: {out.evalue}" for out in self.outputs("error")]

    @property
    def stderr(self) -> str:
        return "".join(out.text for out in self.outputs("stream") if out.name == "stderr")

    @property
    def stdout(self) -> str:
        return "".join(out.text for out in self.outputs("stream") if out.name == "stdout")


def run(
    path: Path,
    *,
    mode: str,
    state: Path,
    values: Mapping[str, str] | None = None,
    twice: str = "",
    first: str = "",
) -> Run:
    """Execute a notebook as "Run all" does, in its own folder, errors kept as outputs.

    mode   : "fast" or "full", see `recsys_workshop.pages`
    twice  : "cells" runs every cell twice in a row, "sections" every section, as a reader does who
             tries something; the outputs of the second run are kept
    state  : directory for the ratings, models and progress of this run, apart from the reader's
    values : expressions by name, evaluated after the last cell; their results must fit into JSON
    first  : code that the kernel runs before the first cell
    """
    notebook = nbformat.read(path, as_version=4)
    settings = {**os.environ, "RECSYS_TUTORIAL_PAGES": mode, "RECSYS_TUTORIAL_STATE": str(state)}
    _poll_in_slices()
    return asyncio.run(_run(notebook, path.parent, settings, values or {}, twice, first))


async def _run(
    notebook: nbformat.NotebookNode,
    folder: Path,
    settings: dict[str, str],
    values: Mapping[str, str],
    twice: str,
    first: str,
) -> Run:
    # Without directories to search, this is the kernel of this Python, and never one of the same
    # name in the home directory.
    specs = KernelSpecManager(kernel_dirs=[])
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=CELL_SECONDS,
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.owns_km = True
    start = time.monotonic()
    with tempfile.TemporaryFile() as log:  # for messages of the kernel's process itself
        async with client.async_setup_kernel(env=settings, stderr=log):
            if first:
                asked: Any = client.kc
                await client.async_wait_for_reply(asked.execute(first))
            for index in _order(notebook, twice):
                cell = notebook.cells[index]
                wrong = [o for o in cell.get("outputs", []) if _is_wrong(o)]
                client.clear_display_id_mapping(index)  # drops late updates of its first run
                await client.async_execute_cell(cell, index)
                if wrong:
                    cell.outputs[:0] = wrong
            seconds = time.monotonic() - start
            pid = getattr(manager.provisioner, "pid", None)
            peak = _peak_mib(pid)
            found = await _evaluate(client, values) if values else {}
    return Run(notebook, seconds, peak, found)


def _order(notebook: nbformat.NotebookNode, twice: str) -> list[int]:
    """Indices of the cells in the order in which to run them."""
    parts: list[list[int]] = [[]]
    for index, cell in enumerate(notebook.cells):
        heading = cell.cell_type == "markdown" and cell.source.startswith("## ")
        if twice == "cells" or (twice == "sections" and heading):
            parts.append([])
        parts[-1].append(index)
    return [index for part in parts for index in part * (2 if twice else 1)]


def _is_wrong(output: nbformat.NotebookNode) -> bool:
    return output.output_type == "error" or output.get("name") == "stderr"


async def _evaluate(client: NotebookClient, values: Mapping[str, str]) -> dict[str, Any]:
    """Expressions in the kernel, sent over as JSON."""
    asked = {name: f"__import__('json').dumps({code})" for name, code in values.items()}
    channel: Any = client.kc
    sent = channel.execute("", silent=True, user_expressions=asked)
    reply = await client.async_wait_for_reply(sent)
    found: dict[str, Any] = {}
    for name, one in (reply or {})["content"]["user_expressions"].items():
        if one["status"] == "ok":
            found[name] = json.loads(ast.literal_eval(one["data"]["text/plain"]))
        else:
            found[name] = f"{one['ename']}: {one['evalue']}"
    return found


def _peak_mib(pid: int | None) -> float | None:
    """The most memory that a process ever used; None if the system does not say (Linux does)."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text() if status.is_file() else "")
    return int(found[1]) / 1024 if found else None


def _poll_in_slices() -> None:
    """Wait for replies in slices of a second: sometimes the wake-up for a reply gets lost, and the
    client would wait for its whole time-out although the reply is there."""

    async def get_msg(self: Any, timeout: float | None = None) -> dict[str, Any]:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = 1.0 if end is None else min(1.0, max(0.0, end - time.monotonic()))
            if await self.socket.poll(int(left * 1000)):
                return await self._recv()
            if end is not None and time.monotonic() >= end:
                raise Empty

    channel: Any = jupyter_client.channels.AsyncZMQSocketChannel
    channel.get_msg = get_msg
