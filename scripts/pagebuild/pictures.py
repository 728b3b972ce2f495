"""Make the README's pictures, all or those named ("figures", or a name in `WHAT`).

They show data that may be passed on.
"""

from __future__ import annotations

import base64
import io
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in (".", "notebooks", "scripts", "tests")]

import lab  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

import recsys_tutorial as rt  # noqa: E402
from pagebuild.executed import executed  # noqa: E402
from pagebuild.site import shared  # noqa: E402

DOCS = ROOT / "docs"
STILL = ROOT / "notebooks" / "recsys_workshop" / "labs" / "trainer" / "page" / "still.png"
FIGURES = {  # of a part of the series: a page, and how its figure's alternative text begins
    "interpret": ("03_interpretation", "Three strips"),
    "evaluate": ("06_evaluation", "Two histograms of bootstrap means"),
    "improve": ("11_mixture_of_tastes", "A map of films: taste 1"),
}


def taken(page: Page, wait: int = 0) -> Image.Image:
    page.wait_for_timeout(wait)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def write_gif(name: str, frames: list[Image.Image], width: int, milliseconds: list[int]) -> None:
    size = (width, round(frames[0].height * width / frames[0].width))
    first, *others = (f.resize(size).quantize(64, dither=Image.Dither.NONE) for f in frames)
    first.save(DOCS / name, save_all=True, append_images=others, duration=milliseconds, loop=0)


def trainer(browser: Browser) -> None:
    from recsys_workshop.labs.trainer import trainer as made

    page = browser.new_page(viewport={"width": 900, "height": 960})
    with tempfile.TemporaryDirectory() as folder:
        page.goto(made(shared("full")).save(Path(folder) / "trainer.html").as_uri())
        page.wait_for_function("state.curve.length > 0")
        frames = [taken(page)]
        page.select_option("#films select >> nth=0", "5")
        page.click("#go")
        frames += [taken(page, 120) for _ in range(26)]
        page.wait_for_function("state.curve.length > plain.epochs")
        page.select_option("#films select >> nth=4", "1")
        frames += [taken(page, 150) for _ in range(6)]
    frames[-1].save(STILL, optimize=True)
    write_gif("trainer.gif", frames, 675, [800] + [160] * (len(frames) - 2) + [2500])


def sweep(browser: Browser) -> None:
    """Page 02: the curves grow, three of them show their lists, the ten films have reasons."""
    os.environ["RECSYS_TUTORIAL_DATASET"] = "ml-latest-small"
    with tempfile.TemporaryDirectory() as folder, lab.served(Path(folder), "full") as address:
        page = browser.new_page(viewport={"width": 1000, "height": 720})
        opened = lab.Lab(page, address)
        page.goto(f"{address}/doc/tree/solutions/02_mf_follow_along.ipynb")
        opened.wait_for("02_mf_follow_along.ipynb")
        page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        grown: list[Image.Image] = []
        while "24 of 24 runs done" not in page.content():
            opened.show("runs = ws.sweep(")
            grown.append(taken(page, 1500))
        opened.wait_until_all_ran(1200)
        frames = grown[:: max(1, len(grown) // 16)][:16]
        opened.show("labs.instrument.instrument(")
        lines = page.frame_locator("iframe[srcdoc*='curves']").first.locator("#curves polyline")
        for line in (lines.nth(n) for n in (2, 9, 20)):
            line.scroll_into_view_if_needed()
            box = line.bounding_box() or {"x": 0, "y": 0}
            page.mouse.click(box["x"] + 1, box["y"] + 1)  # a falling curve begins there
            frames.append(taken(page, 300))
        opened.show("reasons=True, stars=biased")
        frames.append(taken(page, 500))
        write_gif("page_02.gif", frames, 800, [450] * (len(frames) - 4) + [1300] * 3 + [3500])


def figures() -> None:
    for part, (name, alt) in FIGURES.items():
        outputs = [o for cell in executed(ROOT, name).cells for o in cell.get("outputs", [])]
        shown = [o for o in outputs if "image/png" in o.get("data", {})]
        (found,) = (o for o in shown if o.metadata["image/png"]["alt"].startswith(alt))
        figure = Image.open(io.BytesIO(base64.b64decode(found.data["image/png"])))
        figure.thumbnail((800, 800))
        figure.save(DOCS / f"look_{part}.png", optimize=True)


def service(browser: Browser) -> None:
    data, page = shared("full"), browser.new_page(viewport={"width": 1000, "height": 700})
    model = rt.models.ImplicitALS.for_dataset(data)
    rt.fit(model, data, progress=False)
    with (
        tempfile.TemporaryDirectory() as folder,
        rt.serving.serve(rt.serving.export(model, data, folder)) as service,
    ):
        page.goto(service.url)
        page.locator("body[data-ready]").wait_for()
        for nth, stars in ((0, 5), (1, 1)):
            row = page.locator("#found > li").nth(nth)
            row.get_by_role("button", name=f"{stars} star", exact=False).first.click()
            taken(page, 1500)
        page.evaluate("scrollTo(0, 0)")
        taken(page, 500).save(DOCS / "look_deploy.png", optimize=True)


WHAT = {"trainer": trainer, "sweep": sweep, "service": service}

if __name__ == "__main__":
    names = sys.argv[1:] or ["figures", *WHAT]
    if "figures" in names:  # before the browser: both need an event loop
        figures()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=lab.browser(), args=lab.ARGUMENTS)
        for wanted in WHAT.keys() & set(names):
            WHAT[wanted](started)
        started.close()
