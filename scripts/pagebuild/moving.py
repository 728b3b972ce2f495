"""The moving picture of the README and the trainer's still, taken of the real thing in Chromium.

`python scripts/pagebuild/moving.py` writes docs/trainer.gif and the still beside the trainer's
page; the ratings are ml-latest-small's, which may be passed on, or planted where it is not here.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "notebooks"), str(ROOT / "scripts")]

from PIL import Image  # noqa: E402
from playwright.sync_api import Page, ViewportSize, sync_playwright  # noqa: E402

from pagebuild.site import shared  # noqa: E402
from recsys_workshop.labs.trainer import trainer  # noqa: E402

STILL = ROOT / "notebooks" / "recsys_workshop" / "labs" / "trainer" / "page" / "still.png"
MOVING = ROOT / "docs" / "trainer.gif"
SIZE: ViewportSize = {"width": 900, "height": 960}
FIRST, SECOND = "#films select >> nth=0", "#films select >> nth=4"


def taken(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = trainer(shared("full")).save(Path(folder) / "trainer.html")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport=SIZE)
        page.goto(path.as_uri())
        page.wait_for_function("state.curve.length > 0")
        frames = [taken(page)]
        page.select_option(FIRST, "5")
        page.click("#go")
        for _ in range(26):
            page.wait_for_timeout(120)
            frames.append(taken(page))
        page.wait_for_function("state.curve.length > plain.epochs")
        page.select_option(SECOND, "1")
        for _ in range(6):
            page.wait_for_timeout(150)
            frames.append(taken(page))
        frames[-1].save(STILL, optimize=True)
        browser.close()
    small = [f.resize((675, 720)).quantize(64, dither=Image.Dither.NONE) for f in frames]
    lasting = [800] + [160] * (len(small) - 2) + [2500]
    small[0].save(MOVING, save_all=True, append_images=small[1:], duration=lasting, loop=0)
    print(f"{MOVING}: {MOVING.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
