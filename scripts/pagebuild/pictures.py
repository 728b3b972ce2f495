"""The pictures of the README, taken of the real thing in Chromium.

python scripts/pagebuild/pictures.py trainer   the trainer as docs/trainer.gif, and its still
python scripts/pagebuild/pictures.py sweep     page 02 in JupyterLab as docs/page_02.gif
python scripts/pagebuild/pictures.py parts     docs/look_*.png: a figure of each part, the service

Trainer, sweep and service use ml-latest-small, whose terms allow passing it on (the trainer takes
planted data where it is missing); the figures are those of the executed pages.
"""

from __future__ import annotations

import base64
import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in (".", "notebooks", "scripts", "tests")]

import lab  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

DOCS = ROOT / "docs"
STILL = ROOT / "notebooks" / "recsys_workshop" / "labs" / "trainer" / "page" / "still.png"
FIGURES = {  # of each part, the page and how the alternative text of its figure begins
    "understand": ("03_interpretation", "Three strips"),
    "judge": ("06_evaluation", "Two histograms of bootstrap means"),
    "deepen": ("11_mixture_of_tastes", "A map of films: taste 1"),
}
ALL_RAN = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
    .every(cell => cell.type !== 'code' || cell.executionCount)"""


def taken(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def write_gif(path: Path, frames: list[Image.Image], width: int, lasting: list[int]) -> None:
    """Frames of few colours, each shown for so many milliseconds, for ever."""
    high = round(frames[0].height * width / frames[0].width)
    small = [f.resize((width, high)).quantize(64, dither=Image.Dither.NONE) for f in frames]
    small[0].save(path, save_all=True, append_images=small[1:], duration=lasting, loop=0)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {sum(lasting) / 1000:.0f} s")


def trainer(browser: Browser) -> None:
    """Train, love a film, hate another: the list follows."""
    from pagebuild.site import shared
    from recsys_workshop.labs.trainer import trainer as made

    with tempfile.TemporaryDirectory() as folder:
        page = browser.new_page(viewport={"width": 900, "height": 960})
        page.goto(made(shared("full")).save(Path(folder) / "trainer.html").as_uri())
        page.wait_for_function("state.curve.length > 0")
        frames = [taken(page)]

        def change(film: int, stars: str, pause: int, times: int) -> None:
            page.select_option(f"#films select >> nth={film}", stars)
            if film == 0:
                page.click("#go")
            for _ in range(times):
                page.wait_for_timeout(pause)
                frames.append(taken(page))

        change(0, "5", 120, 26)
        page.wait_for_function("state.curve.length > plain.epochs")
        change(4, "1", 150, 6)
    frames[-1].save(STILL, optimize=True)
    write_gif(DOCS / "trainer.gif", frames, 675, [800] + [160] * (len(frames) - 2) + [2500])


def sweep(browser: Browser) -> None:
    """The curves of page 02 grow; one is asked for its list; the ten films with their reasons."""
    os.environ["RECSYS_TUTORIAL_DATASET"] = "ml-latest-small"
    with tempfile.TemporaryDirectory() as folder, lab.served(Path(folder), "full") as address:
        page = browser.new_page(viewport={"width": 1000, "height": 720})
        opened = lab.Lab(page, address)
        page.goto(f"{address}/doc/tree/solutions/02_mf_follow_along.ipynb")
        opened.wait_for("02_mf_follow_along.ipynb")
        page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        grown: list[Image.Image] = []
        while "24 of 24 runs done" not in opened.text():
            show(page, "runs = ws.sweep(")
            page.wait_for_timeout(1500)
            grown.append(taken(page))
        page.wait_for_function(ALL_RAN, timeout=1_200_000)
        frames = grown[:: max(1, len(grown) // 16)] + grown[-1:]
        lasting = [450] * (len(frames) - 1) + [1200]
        show(page, "labs.instrument.instrument(")
        inside = page.frame_locator("iframe[srcdoc*='curves']").first
        for nth in (2, 9, 20):
            inside.locator("#curves polyline").nth(nth).dispatch_event("mousemove")
            inside.locator("#curves polyline").nth(nth).dispatch_event("click")
            page.wait_for_timeout(300)
            frames.append(taken(page))
        show(page, "reasons=True, stars=biased")
        page.wait_for_timeout(500)
        frames.append(taken(page))
        write_gif(DOCS / "page_02.gif", frames, 800, [*lasting, 1200, 1200, 1500, 3500])


def show(page: Page, text: str) -> None:
    """Scroll to the code cell with this text."""
    page.evaluate(
        """text => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            const has = c => c.type === 'code' && c.sharedModel.source.includes(text);
            const at = [...notebook.model.cells].findIndex(has);
            notebook.activeCellIndex = at;
            return notebook.scrollToItem(at, 'start');
        }""",
        text,
    )


def parts(browser: Browser) -> None:
    """A figure of each part of the series, and the service after a click."""
    from pagebuild.executed import executed

    for part, (name, alt) in FIGURES.items():
        outputs = [o for c in executed(ROOT, name).cells for o in c.get("outputs", [])]
        shown = [o for o in outputs if "image/png" in o.get("data", {})]
        (found,) = (o for o in shown if o.metadata["image/png"]["alt"].startswith(alt))
        picture = Image.open(io.BytesIO(base64.b64decode(found.data["image/png"])))
        small = picture.resize((800, round(picture.height * 800 / picture.width)))
        small.save(DOCS / f"look_{part}.png", optimize=True)


WHAT: dict[str, Callable[[Browser], None]] = {"trainer": trainer, "sweep": sweep, "parts": parts}


def main(names: list[str]) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=lab.browser(), args=lab.ARGUMENTS)
        for name in names or WHAT:
            WHAT[name](browser)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
