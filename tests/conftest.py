"""Fixtures that several test files share."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import lab
import numpy as np
import pytest
from loopback import Server
from pages_runner import FOLDER, executed
from sample_sources import sample_table

from recsys_tutorial.datasets import Dataset, DataUnavailable, load, planted, sources
from recsys_workshop.labs.text import Text, load_text

LONG = ("test_site", "test_slides", "test_pages")
"""Test files that take longest: several processes begin with them, so that none ends alone."""


def pytest_configure(config: pytest.Config) -> None:
    """One directory of executed pages for a run of the tests, made by its first process."""
    if not hasattr(config, "workerinput"):
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="pages-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ[FOLDER], ignore_errors=True))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Several processes: what shares fixtures or an executed page stays in one of them."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPage(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file, _, test = nodeid.partition("::")
            alone = re.search(r"test_pages_(\d\d|primer)", file)
            page = re.search(r"[\[-](\d\d|appendix|bug_hunts/\d\d)_", test)
            if alone:
                return alone[1]
            in_turn = page and file.endswith("test_pages.py")
            return page[1].replace("appendix", "primer") if page and in_turn else file

    return ByPage(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        stem = item.path.stem
        return next((n for n, long in enumerate(LONG) if stem.startswith(long)), len(LONG))

    items.sort(key=place)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def table(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, sources.Source]:
    return sample_table(server, monkeypatch)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium; without one the tests are skipped, or fail where
    RECSYS_TUTORIAL_REQUIRE_BROWSER says that there must be one."""
    path = lab.browser()
    if path is None:
        reason = f"no browser: none of {', '.join(lab.BROWSERS)} is installed"
        if os.environ.get("RECSYS_TUTORIAL_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=lab.ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def small() -> Dataset:
    """A planted Dataset on which anything trains in well under a second."""
    return planted(n_users=80, n_items=60, n_ratings=2_400, dim=2, seed=1)


@pytest.fixture(scope="session")
def ml100k() -> Dataset:
    """Real MovieLens-100K, found where RECSYS_TUTORIAL_DATA says or fetched.

    Without it the test is skipped; with RECSYS_TUTORIAL_REQUIRE_DATA=1 it fails instead, so that a
    full run cannot pass by skipping.
    """
    try:
        return load("ml-100k")
    except DataUnavailable as error:
        if os.environ.get("RECSYS_TUTORIAL_REQUIRE_DATA") == "1":
            raise
        pytest.skip(f"no real data: {error}")


@pytest.fixture(scope="session")
def gcide() -> Text:
    """The real dictionary's text, found or fetched; skipped or failing without, as `ml100k`."""
    try:
        return load_text()
    except DataUnavailable as error:
        if os.environ.get("RECSYS_TUTORIAL_REQUIRE_DATA") == "1":
            raise
        pytest.skip(f"no real text: {error}")


@pytest.fixture(params=["fast", pytest.param("full", marks=pytest.mark.real)])
def mode(request: pytest.FixtureRequest) -> str:
    """How a page is run: small on planted data, or in full on real."""
    if request.param == "full":
        request.getfixturevalue("ml100k")
    return request.param


@pytest.fixture
def values(request: pytest.FixtureRequest, mode: str) -> dict[str, Any]:
    """What the solved page NAME of the test's module noted down of its variables."""
    return executed(request.module.NAME, "solutions", mode).values
