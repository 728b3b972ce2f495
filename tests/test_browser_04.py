"""Page 04 as people meet it: the web page in a frame of the notebook, in JupyterLab."""

from __future__ import annotations

import lab
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_films_are_rated_in_the_frame_of_the_notebook(chromium, tmp_path):
    with lab.served(tmp_path) as address:
        notebook = lab.Lab(chromium.new_page(viewport={"width": 1280, "height": 1000}), address)
        notebook.open("04_deploy_it_now.ipynb")
        run_through = """async last => {
            const panel = window.jupyterapp.shell.currentWidget;
            const code = panel.content.widgets.filter(w => w.model.type === "code");
            for (const cell of code.slice(0, last)) {
                panel.content.activeCellIndex = panel.content.widgets.indexOf(cell);
                await window.jupyterapp.commands.execute("notebook:run-cell");
            }
        }"""
        notebook.page.evaluate(run_through, 2)  # the setup cell, then the service
        frame = notebook.page.frame_locator(".jp-OutputArea iframe").first
        frame.locator("body[data-ready]").wait_for(timeout=60_000)
        assert frame.locator("#mine > li").count() >= 5  # your ratings came along
        before = frame.locator("#best .title").all_inner_texts()
        frame.locator("#best > li").first.get_by_role("button").first.click()
        frame.locator("#status", has_text="1 star for").wait_for(state="attached")
        after = frame.locator("#best .title").all_inner_texts()
        assert after != before
        assert before[0] not in after
        assert notebook.errors() == []
        assert notebook.wrong == []
