"""`build.py site`: the executed pages, the guides and the library's reference as a site.

All is gathered in a folder of sources, which Sphinx makes HTML of. The site works from a folder on
a stick: search, maths and figures are in it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat

from pagebuild import vendor
from pagebuild.executed import PageFailed, executed
from pagebuild.links import dead_links
from pagebuild.model_map import model_map_page, model_map_svg
from pagebuild.reference import reference
from pagebuild.site_pages import NotToBeShown, documents, relinked, staged
from pagebuild.source import Source, SourceError, read_all, read_series
from pagebuild.vendor import VendorMissing
from recsys_tutorial.datasets import Dataset, DataUnavailable, load, planted
from recsys_workshop.labs.trainer import ALT, WHAT, trainer

HERE = Path(__file__).parent
GUIDES = ("your_data", "online", "instructor", "contributing", "glossary", "further_reading",
          "licences", "benchmarks")  # fmt: skip
TRAINER = f"""<iframe class="trainer" src="_static/trainer.html" title="{WHAT}"></iframe>
<details class="trainer"><summary>The same as a plain picture</summary>
<img src="_static/trainer.png" alt="{ALT}"></details>
"""
PLANTED = "> These pages were run on planted data: invented films and invented tastes.\n"


def build_site(root: Path, names: Sequence[str], mode: str, folder: Path) -> int:
    """Write the site with the named pages (all if none) into `folder`, replacing it.

    mode : "full" (real data) or "fast" (planted data)

    Returns 1, with the reasons on stderr, where a page fails, an output must not be shown, Sphinx
    warns of anything or a link is dead; `folder` is then as it was.
    """
    start = time.monotonic()
    try:
        sources = read_all(root, names)
        with tempfile.TemporaryDirectory() as temporary:
            stage, made = Path(temporary) / "source", Path(temporary) / "html"
            gather(root, sources, mode, stage)
            wrong = _sphinx(stage, made)
            for template in (made / "_static").glob("*macros.html"):
                template.unlink()  # of the theme, for Sphinx alone
            wrong = wrong or dead_links(made)
            if not wrong:
                replace(made, folder)
    except (SourceError, PageFailed, NotToBeShown, VendorMissing) as error:
        wrong = [str(error)]
    if wrong:
        print("\n".join([*wrong, "no site: the errors stand above"]), file=sys.stderr)
        return 1
    seconds = time.monotonic() - start
    print(f"{folder / 'index.html'}: {len(sources)} pages in {seconds:.0f} s")
    return 0


def replace(made: Path, folder: Path) -> None:
    """Put the new site where the old one was; a folder that is no site is left alone."""
    if folder.exists():
        if any(folder.iterdir()) and not (folder / "objects.inv").is_file():
            raise SourceError(f"{folder} is not empty and holds no site: name another folder")
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, folder)


def gather(root: Path, sources: Sequence[Source], mode: str, stage: Path) -> None:
    """All that Sphinx reads. Raises PageFailed or NotToBeShown, which name the page."""
    static = stage / "_static"
    static.mkdir(parents=True)
    shutil.copy(vendor.mathjax(), static / "mathjax.js")
    for name in ("site.css", "site.js"):
        shutil.copy(HERE / name, static / name)
    names = [source.name for source in sources]
    known = documents(names)
    for name in names:
        notebook = staged(executed(root, name, mode), name, known, static / "figures")
        path = stage / f"{known[f'notebooks/{name}.ipynb']}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, path)
    for guide in GUIDES:
        text = (root / "docs" / f"{guide}.md").read_text(encoding="utf-8")
        _write(stage, f"{guide}.md", relinked(text, f"docs/{guide}.md", guide, known))
    text = (root / "data" / "README.md").read_text(encoding="utf-8")
    _write(stage, "data.md", relinked(text, "data/README.md", "data", known))
    _write(stage, "licence.md", f"# Licence\n\n{(root / 'LICENSE').read_text(encoding='utf-8')}")
    shutil.copy(root / "docs" / "overview.svg", static / "overview.svg")
    first = '<a href="../pages/01_why_recommenders.html" target="_top">Page 01 does it by hand.</a>'
    made = trainer(shared(mode), following=first if "01_why_recommenders" in names else "")
    made.save(static / "trainer.html")
    (static / "trainer.png").write_bytes(made.picture)
    shutil.copy(root / "docs" / "house.svg", stage / "house.svg")  # beside the guide that shows it
    _write(static, "model_map.svg", model_map_svg())
    _write(stage, "model_map.md", model_map_page())
    shutil.copytree(root / "docs" / "benchmarks", stage / "benchmarks")  # its plots
    for document, text in reference().items():
        _write(stage, f"{document}.rst", text)
    _write(stage, "index.md", _home(root, sources, known, mode))
    shutil.copy(HERE / "site_conf.py", stage / "conf.py")


def shared(mode: str) -> Dataset:
    """Ratings that the site may pass on: ml-latest-small where it is here, else planted."""
    try:
        if mode == "full":
            return load("ml-latest-small", offline=True)
    except DataUnavailable:
        pass
    return planted(n_users=600, n_items=1_500, n_ratings=60_000, seed=0)


def _write(stage: Path, name: str, text: str) -> None:
    path = stage / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _home(root: Path, sources: Sequence[Source], known: dict[str, str], mode: str) -> str:
    """The README's opening, then the contents by parts."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    opening = readme.partition("\n## ")[0].replace("(docs/overview.svg)", "(_static/overview.svg)")
    opening = re.sub(r"!\[[^\]]*\]\(docs/trainer.gif\)", lambda _: TRAINER, opening)
    start = re.search(r"^## Start\n.*?(?=^## )", readme, re.MULTILINE | re.DOTALL)
    parts = [opening, PLANTED if mode == "fast" else ""]
    parts.append(
        "Every page is here as it ran, with its figures. Solutions are folded: think first, then "
        "open them. To work on a page, start the series on your own machine.\n"
    )
    parts.append(relinked(start[0] if start else "", "README.md", "index", known))
    entries = [(e.part, e.name, e.label) for e in read_series(root)]
    hunts = (s for s in sources if s.name.startswith("bug_hunts/"))
    entries += [("Bug hunts", hunt.name, hunt.title) for hunt in hunts]
    here = {s.name for s in sources}
    listed = [entry for entry in entries if entry[1] in here]
    for part in dict.fromkeys(part for part, _, _ in listed):
        of_part = [
            f"{label} <{known[f'notebooks/{name}.ipynb']}>"
            for where, name, label in listed
            if where == part
        ]
        parts.append(_toctree(part, of_part))
    parts.append(_toctree("Look up", ["glossary", "model_map", "reference/index", "benchmarks"]))
    parts.append(
        _toctree("Guides", ["your_data", "online", "instructor", "contributing", "further_reading"])
    )
    parts.append(_toctree("Terms", ["data", "licence", "licences"]))
    return "\n".join(parts)


def _toctree(caption: str, listed: list[str]) -> str:
    lines = "\n".join(listed)
    return f"## {caption}\n\n```{{toctree}}\n:maxdepth: 1\n:caption: {caption}\n\n{lines}\n```\n"


def _sphinx(stage: Path, made: Path) -> list[str]:
    """Run Sphinx; each warning is an error. Returns what it complained of."""
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-n", "-W", "--keep-going",
         str(stage), str(made)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE.parents[1]}"},
    )  # fmt: skip
    said = [line.replace(f"{stage}/", "") for line in done.stderr.splitlines() if line.strip()]
    return said or (["Sphinx failed without a word"] if done.returncode else [])
