"""The README's pictures, taken of the real thing in Chromium: names of `WHAT`, or all.

Data is ml-latest-small, which may be passed on; the figures are those of the executed pages.
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
    print(f"{name}: {(DOCS / name).stat().st_size / 1e6:.2f} MB, {sum(milliseconds) / 1000:.0f} s")


def trainer(browser: Browser) -> None:
    """The trainer learns that you love one film, and that you hate another."""
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
        for nth in (2, 9, 20):
            for event in ("mousemove", "click"):
                lines.nth(nth).dispatch_event(event)
            frames.append(taken(page, 300))
        opened.show("reasons=True, stars=biased")
        frames.append(taken(page, 500))
        write_gif("page_02.gif", frames, 800, [450] * (len(frames) - 4) + [1300] * 3 + [3500])


def parts(browser: Browser) -> None:
    for part, (name, alt) in FIGURES.items():
        outputs = [o for cell in executed(ROOT, name).cells for o in cell.get("outputs", [])]
        shown = [o for o in outputs if "image/png" in o.get("data", {})]
        (found,) = (o for o in shown if o.metadata["image/png"]["alt"].startswith(alt))
        figure = Image.open(io.BytesIO(base64.b64decode(found.data["image/png"])))
        figure.thumbnail((800, 800))
        figure.save(DOCS / f"look_{part}.png", optimize=True)
    import recsys_tutorial as rt

    data, page = shared("full"), browser.new_page(viewport={"width": 800, "height": 600})
    model = rt.models.ImplicitALS.for_dataset(data)
    rt.fit(model, data, progress=False)
    with (
        tempfile.TemporaryDirectory() as folder,
        rt.serving.serve(rt.serving.export(model, data, folder)) as service,
    ):
        page.goto(service.url)
        page.locator("body[data-ready]").wait_for()
        for nth, stars in ((0, 5), (3, 1)):
            row = page.locator("#found > li").nth(nth)
            row.get_by_role("button", name=f"{stars} star", exact=False).first.click()
            taken(page, 1500)
        taken(page, 1500).save(DOCS / "look_deploy.png", optimize=True)


WHAT = {"trainer": trainer, "sweep": sweep, "parts": parts}

if __name__ == "__main__":
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=lab.browser(), args=lab.ARGUMENTS)
        for wanted in sys.argv[1:] or WHAT:
            WHAT[wanted](started)
        started.close()
