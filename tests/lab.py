"""JupyterLab in a headless Chromium, on copies of the notebooks, with files of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LOCAL = ("file:", "data:", "blob:", "about:")
ARGUMENTS = [
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def browser() -> str | None:
    """Path of a Chromium on this machine."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def listen(page: Any) -> list[str]:
    """What goes wrong on a page, growing: errors, warnings, and addresses asked of any host."""
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(LOCAL) else said.append(r.url))
    return said


@contextmanager
def served(folder: Path, mode: str = "fast") -> Iterator[str]:
    """A JupyterLab on copies of the notebooks in `folder`; yields its address."""
    notebooks = folder / "notebooks"
    leave = shutil.ignore_patterns("source", ".ipynb_checkpoints", "*-Copy*")
    shutil.copytree(ROOT / "notebooks", notebooks, ignore=leave)
    quiet = folder / "settings"
    quiet.mkdir()
    news = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}
    (quiet / "overrides.json").write_text(json.dumps(news))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--ip=127.0.0.1"]
    command += ["--allow-root", f"--port={port}", "--ServerApp.port_retries=0"]
    command += ["--IdentityProvider.token=", "--ServerApp.password="]
    command += [f"--ServerApp.root_dir={notebooks}", f"--LabApp.app_settings_dir={quiet}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    own = {
        name: str(folder / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    }
    own |= {"RECSYS_TUTORIAL_PAGES": mode, "RECSYS_TUTORIAL_STATE": str(folder / "mine")}
    own |= {"JUPYTER_PREFER_ENV_PATH": "1", "JUPYTER_RUNTIME_DIR": str(folder / "runtime")}
    with open(folder / "server.log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(
            command, env={**os.environ, **own}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(f"{address}/api", server, folder / "server.log")
        yield address
    finally:
        server.terminate()  # ends its kernels, too
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}") from None
            time.sleep(0.2)


class Lab:
    """A browser page with JupyterLab, and what a person does in it."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def open(self, name: str) -> None:
        """Open a notebook by its address, and wait until its kernel answers."""
        self.page.goto(f"{self.address}/lab/tree/{name}?reset")
        self.wait_for(name)

    def wait_for(self, name: str, timeout: float = 60) -> None:
        """Until the notebook is the one in front and its kernel answers."""
        self.page.wait_for_function(  # a predicate must not be async: a promise counts as true
            """name => {
                const widget = window.jupyterapp?.shell?.currentWidget;
                return widget?.context?.isReady && widget.context.path.endsWith(name)
                    && widget.sessionContext.isReady && widget.sessionContext.session?.kernel;
            }""",
            arg=name,
            timeout=timeout * 1000,
        )
        # Cells run before the kernel has said what it is are lost without a word.
        self.page.evaluate(
            """async () => {
                await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.info;
            }"""
        )

    def follow(self, text: str) -> None:
        """Click the link with this text in the notebook in front."""
        front = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        front.get_by_role("link", name=text).first.click()

    def run_all(self, timeout: float = 600) -> None:
        """Run -> Run All Cells; return when the last cell is done."""
        self.page.evaluate(
            "() => void window.jupyterapp.commands.execute('notebook:run-all-cells')"
        )
        self.wait_until_all_ran(timeout)

    def wait_until_all_ran(self, timeout: float = 600) -> None:
        self.page.wait_for_function(
            """() => {
                const cells = window.jupyterapp.shell.currentWidget.content.model.cells;
                for (const cell of cells)
                    if (cell.type === 'code' && !cell.executionCount) return false;
                return true;
            }""",
            timeout=timeout * 1000,
        )

    def show(self, text: str) -> None:
        """Scroll to the first code cell with this text, and make it the active one."""
        self.page.evaluate(
            """text => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                const has = c => c.type === 'code' && c.sharedModel.source.includes(text);
                notebook.activeCellIndex = [...notebook.model.cells].findIndex(has);
                return notebook.scrollToItem(notebook.activeCellIndex, 'start');
            }""",
            text,
        )

    def outputs(self) -> list[dict[str, Any]]:
        """All outputs of the notebook in front, as in its file."""
        return self.page.evaluate(
            """() => {
                const found = [];
                for (const cell of window.jupyterapp.shell.currentWidget.content.model.cells)
                    if (cell.type === 'code') found.push(...cell.outputs.toJSON());
                return found;
            }"""
        )

    def errors(self) -> list[str]:
        """Error outputs, and what was written to stderr."""
        return [
            str(out.get("evalue") or out.get("text"))
            for out in self.outputs()
            if out["output_type"] == "error" or out.get("name") == "stderr"
        ]

    def text(self) -> str:
        """What the streams of the notebook in front say."""
        return "".join(
            out["text"] if isinstance(out["text"], str) else "".join(out["text"])
            for out in self.outputs()
            if out["output_type"] == "stream"
        )
