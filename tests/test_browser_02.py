"""Page 02 as people live it: the curve grows, films are rated by keyboard, films come back."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import lab
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGE = "02_mf_follow_along.ipynb"
CURVE = "img[alt^='Loss against epoch']"


class OnPage(lab.Lab):
    """JupyterLab with the folder of its server, for files and pictures."""

    def __init__(self, page, address: str, folder: Path) -> None:
        super().__init__(page, address)
        self.folder = folder

    @property
    def front(self):
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def picture(self, name: str) -> None:
        """A screenshot, into the test's folder or where RECSYS_TUTORIAL_SCREENSHOTS says."""
        folder = Path(os.environ.get("RECSYS_TUTORIAL_SCREENSHOTS") or self.folder)
        self.page.screenshot(path=folder / f"{name}.png")

    def curve(self) -> str | None:
        """The live curve on the screen: its source, which changes when it grows."""
        image = self.front.locator(CURVE)
        return image.first.get_attribute("src") if image.count() else None

    def find(self, text: str) -> int:
        """Number of the first code cell with this text."""
        return self.page.evaluate(
            """text => {
                const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells];
                const has = c => c.type === 'code' && c.sharedModel.source.includes(text);
                return cells.findIndex(has);
            }""",
            text,
        )

    def focused(self) -> str:
        """What has the keyboard: a box by its tag, a button by its text."""
        return self.page.evaluate(
            "() => document.activeElement.innerText || document.activeElement.tagName"
        )


@pytest.fixture(scope="module")
def notebooks(chromium, tmp_path_factory) -> Iterator[OnPage]:
    folder = tmp_path_factory.mktemp("lab")
    with lab.served(folder) as address:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        yield OnPage(page, address, folder)


@pytest.fixture(scope="module")
def started(notebooks):
    """From the index to page 02, everything run; the states of the curve seen on the way."""
    notebooks.open("index.ipynb")
    notebooks.follow("02 Follow along")
    notebooks.wait_for(PAGE)
    notebooks.page.evaluate(
        "() => void window.jupyterapp.commands.execute('notebook:run-all-cells')"
    )
    states: list[str] = []
    end = time.monotonic() + 300
    while len(states) < 4 and time.monotonic() < end:
        notebooks.show("ws.sweep(")
        state = notebooks.curve()
        if state is not None and state not in states:
            states.append(state)
            notebooks.picture(f"curve-{len(states)}")
        time.sleep(0.05)
    notebooks.page.wait_for_function(
        """() => {
            const widget = window.jupyterapp.shell.currentWidget;
            for (const cell of widget.content.model.cells)
                if (cell.type === 'code' && !cell.executionCount) return false;
            return widget.sessionContext.session.kernel.status === 'idle';
        }""",
        timeout=600_000,
    )
    return states


def test_the_curve_moves(started):
    assert len(started) >= 4


def test_the_page_runs_through_with_its_exercises_open(notebooks, started):
    assert notebooks.errors() == []
    assert notebooks.wrong == []
    said = notebooks.text()
    assert said.count("not yet") == 5
    assert "a conditional AUC of exactly 0.5" in said


def test_the_curve_stands_in_its_own_cell_only(notebooks, started):
    holders = notebooks.page.evaluate(
        """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
            .filter(c => c.type === 'code')
            .filter(c => JSON.stringify(c.outputs.toJSON()).includes('Loss against epoch'))
            .map(c => c.sharedModel.source)"""
    )
    assert len(holders) == 2
    assert "ws.sweep(" in holders[0]
    assert "background=True" in holders[1]
    notebooks.show("ws.sweep(")
    image = notebooks.front.locator(CURVE).first
    image.wait_for()
    assert image.evaluate("image => image.naturalWidth") > 900
    assert "24 of 24 runs done" in notebooks.front.inner_text()
    notebooks.picture("curve-end")


def test_three_films_are_rated_by_keyboard_and_recommendations_follow(notebooks, started):
    page = notebooks.page
    notebooks.show("ws.rate_films(page)")
    box = notebooks.front.get_by_label("Title")
    box.wait_for()
    found = notebooks.front.get_by_label("Found")
    offered = found.evaluate(
        "list => [...list.options].map(o => o.text.replaceAll('\\u00a0', ' '))"
    )
    box.focus()
    wanted = {}
    for stars, title in zip((5, 1, 4), offered[3:6], strict=True):
        typed = title.split(" (")[0]
        page.keyboard.type(typed, delay=5)
        # the list is made anew for each letter: wait for the answer to the last one
        notebooks.front.get_by_text(f"like {typed!r}.").wait_for(timeout=90_000)
        page.wait_for_function(
            "([list, title]) => list.options[0].text.replaceAll('\\u00a0', ' ') === title",
            arg=[found.element_handle(), title],
        )
        page.keyboard.press("Tab")
        assert notebooks.focused() != "INPUT"  # in the list of what was found
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Home")
        page.wait_for_timeout(2000)  # as a person: a click can overtake the last choice but one
        for _ in range(stars):
            page.keyboard.press("Tab")
        assert notebooks.focused() == f"{stars} ★"
        page.keyboard.press("Enter")
        said = f"{title}: {stars} star{'' if stars == 1 else 's'}."
        notebooks.front.get_by_text(said).wait_for(timeout=90_000)  # a busy kernel answers late
        page.wait_for_function("() => document.activeElement.tagName === 'INPUT'")
        wanted[title] = stars
    notebooks.picture("rated")
    saved = json.loads((notebooks.folder / "mine" / "me.json").read_text())["planted"]
    assert {row["title"]: row["rating"] for row in saved} == wanted
    assert notebooks.find("your turn") > 0  # the keys changed nothing in the notebook
    notebooks.show("reasons=True")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')")
    table = notebooks.front.locator(".jp-RenderedHTMLCommon table", has_text="reasons").last
    page.wait_for_function(
        "([table, titles]) => titles.some(t => table.innerText.includes(`${t}, rated`))",
        arg=[table.element_handle(), list(wanted)],
    )
    assert table.locator("tbody tr").count() == 10
    shown = table.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert not set(shown) & set(wanted)
    notebooks.picture("recommended")
    assert notebooks.wrong == []
