"""The series as people meet it: JupyterLab in a browser, from the index to the first page."""

from __future__ import annotations

from collections.abc import Iterator

import lab
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def notebooks(chromium, tmp_path_factory) -> Iterator[lab.Lab]:
    """JupyterLab on planted data."""
    folder = tmp_path_factory.mktemp("lab")
    with lab.served(folder) as address:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        yield lab.Lab(page, address)


def test_from_the_index_to_page_00_and_through_it(notebooks):
    notebooks.open("index.ipynb")
    notebooks.follow("00 Set up and look around")
    notebooks.wait_for("00_setup.ipynb")
    notebooks.run_all()
    assert notebooks.errors() == []
    said = notebooks.text()
    assert "PLANTED DATA" in said
    assert "00.most_rated not yet" in said
    front = notebooks.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    figure = front.get_by_role("img", name="Line chart: the star model")
    figure.scroll_into_view_if_needed()
    assert figure.evaluate("image => image.naturalWidth") > 500
    assert notebooks.wrong == []


def test_an_answer_typed_in_is_checked_and_counts_on_the_index(notebooks):
    notebooks.open("00_setup.ipynb")
    notebooks.run_all()
    cell = notebooks.page.locator(".jp-CodeCell", has_text="your turn: a title").first
    cell.locator(".cm-content").click()
    notebooks.page.keyboard.press("ControlOrMeta+a")
    notebooks.page.keyboard.type(
        'most_rated = page.data.items["title"].iloc[page.data.counts("item").argmax()]'
    )
    notebooks.page.keyboard.press("Shift+Enter")
    notebooks.page.keyboard.press("Shift+Enter")
    notebooks.page.get_by_text("00.most_rated passed").wait_for(timeout=30_000)
    notebooks.open("index.ipynb")
    notebooks.run_all()
    assert notebooks.errors() == []
    row = notebooks.page.locator(".jp-RenderedHTMLCommon tr", has_text="00").last
    assert "1" in row.inner_text()
