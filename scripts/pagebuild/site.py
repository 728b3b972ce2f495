"""`build.py site`: the executed pages, the guides and the library's reference as a site.

This gathers all sources in one folder, and Sphinx turns them into HTML. The site also works from a
folder on a stick, with search, maths and figures.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from jinja2 import Environment, FileSystemLoader

from pagebuild import vendor
from pagebuild.executed import PageFailed, executed
from pagebuild.model_map import model_map_page, model_map_svg
from pagebuild.publishing import MARKS
from pagebuild.reference import reference
from pagebuild.site_pages import NotToBeShown, documents, relinked, staged
from pagebuild.source import Source, SourceError, read_all, read_series, repository
from recsys_tutorial.datasets import Dataset, DataUnavailable, load, planted
from recsys_tutorial.interpret import pca
from recsys_tutorial.models import ImplicitALS
from recsys_tutorial.training import fit
from recsys_workshop.labs.framed import Framed
from recsys_workshop.labs.maps import film_map
from recsys_workshop.labs.trainer import trainer

HERE = Path(__file__).parent
GUIDES = ["your_data", "online", "instructor", "contributing", "further_reading"]
SIDEBAR = {
    "Look up": ["glossary", "map", "model_map", "reference/index", "benchmarks"],
    "Guides": GUIDES,
    "Terms": ["data", "licence", "licences"],
}


def build_site(root: Path, names: Sequence[str], mode: str, folder: Path) -> int:
    """Write the site with the named pages (all if none) into `folder`, replacing it.

    mode : "full" (real data) or "fast" (planted data)

    Returns 1, with the reasons on stderr, if a page fails, an output must not be shown, or Sphinx
    warns, of a dead link for example; `folder` then stays as it was.
    """
    try:
        sources = read_all(root, names)
        with tempfile.TemporaryDirectory() as temporary:
            stage, made = Path(temporary) / "source", Path(temporary) / "html"
            gather(root, sources, mode, stage)
            wrong = _sphinx(stage, made)
            for template in (made / "_static").glob("*macros.html"):
                template.unlink()  # of the theme, for Sphinx alone
            if not wrong:
                replace(made, folder)
    except (SourceError, PageFailed, NotToBeShown) as error:
        wrong = [str(error)]
    if wrong:
        print("\n".join([*wrong, "no site was written: see the errors above"]), file=sys.stderr)
        return 1
    print(f"{folder / 'index.html'}: {len(sources)} pages")
    return 0


def replace(made: Path, folder: Path) -> None:
    """Replace the old site by the new one; SourceError for a folder with anything else in it."""
    if folder.exists():
        if any(folder.iterdir()) and not (folder / "objects.inv").is_file():
            raise SourceError(f"{folder} is not empty and holds no site: choose another folder")
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, folder)


def gather(root: Path, sources: Sequence[Source], mode: str, stage: Path) -> None:
    """Write what Sphinx reads. Raises PageFailed or NotToBeShown, which name the page."""
    static = stage / "_static"
    static.mkdir(parents=True)
    shutil.copy(vendor.mathjax(), static / "mathjax.js")
    for name in ("site.css", "site.js", "logo.svg"):
        shutil.copy(HERE / name, static / name)
    names = [source.name for source in sources]
    known = documents(names)
    for name in names:
        notebook = staged(
            executed(root, name, mode), name, known, static / "figures", repository(root)
        )
        path = stage / f"{known[f'notebooks/{name}.ipynb']}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, path)
    for guide in (*GUIDES, "glossary", "licences", "benchmarks"):
        text = (root / "docs" / f"{guide}.md").read_text(encoding="utf-8")
        _write(stage, f"{guide}.md", relinked(text, f"docs/{guide}.md", guide, known))
    text = (root / "data" / "README.md").read_text(encoding="utf-8")
    _write(stage, "data.md", relinked(text, "data/README.md", "data", known))
    _write(stage, "licence.md", f"# Licence\n\n{(root / 'LICENSE').read_text(encoding='utf-8')}")
    shutil.copy(root / "docs" / "overview.svg", static / "overview.svg")
    first = '<a href="../pages/01_why_recommenders.html" target="_top">Page 01 does it by hand.</a>'
    data = shared(mode)
    made = trainer(data, following=first if "01_why_recommenders" in names else "")
    made.save(static / "trainer.html")
    (static / "trainer.png").write_bytes(made.picture)
    walk = _map(data)
    walk.save(static / "map.html")
    (static / "map.png").write_bytes(walk.picture)
    _write(stage, "map.md", _filled("site_map.md", name=data.name, alt=walk.alt))
    shutil.copy(root / "docs" / "house.svg", stage / "house.svg")  # beside the guide that shows it
    _write(static, "model_map.svg", model_map_svg())
    _write(stage, "model_map.md", model_map_page())
    shutil.copytree(root / "docs" / "benchmarks", stage / "benchmarks")  # its plots
    for document, text in reference().items():
        _write(stage, f"{document}.rst", text)
    _write(stage, "index.md", _home(root, sources, known, mode, made))
    shutil.copy(HERE / "site_conf.py", stage / "conf.py")


def shared(mode: str) -> Dataset:
    """Ratings that the site may pass on: ml-latest-small if it is on this machine, else planted."""
    try:
        if mode == "full":
            return load("ml-latest-small", offline=True)
    except DataUnavailable:
        pass
    return planted(n_users=600, n_items=1_500, n_ratings=60_000, seed=0)


def _map(data: Dataset) -> Framed:
    """The map of page 03, of data that may be passed on."""
    model = ImplicitALS.for_dataset(data)
    fit(model, data, progress=False)
    axes = pca(model)
    labels = [
        f"axis {n} ({share:.0%} of the variance)" for n, share in enumerate(axes.share[:2], 1)
    ]
    return film_map(data, axes.items[:, :2], labels=labels, places=axes.items)


def _write(stage: Path, name: str, text: str) -> None:
    path = stage / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _home(
    root: Path, sources: Sequence[Source], known: dict[str, str], mode: str, made: Framed
) -> str:
    """The README's opening, a card for each page, and how to start; contents for the sidebar."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    opening = MARKS.sub("", readme.partition("\n## ")[0])  # badges would be fetched
    opening = opening.replace("(docs/overview.svg)", "(_static/overview.svg)")
    opening = re.sub(r"!\[[^\]]*\]\(docs/trainer.gif\)\n", "", opening)
    title, _, text = opening.strip().partition("\n")
    first, _, rest = text.strip().partition("\n\n")
    start = re.search(r"^## Start\n.*?(?=^## )", readme, re.MULTILINE | re.DOTALL)
    entries = {e.name: e for e in read_series(root)}
    parts: dict[str, list[tuple[str, str, Source]]] = {}
    for page in sources:  # in the order of the series, then bug hunts
        entry = entries.get(page.name)
        label, part = (entry.label, entry.part) if entry else (page.title, "Bug hunts")
        parts.setdefault(part, []).append((label, known[f"notebooks/{page.name}.ipynb"], page))
    sidebar = {
        part: [f"{label} <{doc}>" for label, doc, _ in pages] for part, pages in parts.items()
    }
    return _filled(
        "site_home.md", title=title, first=first, rest=rest, parts=parts, trainer=made,
        planted=mode == "fast", sidebar={**sidebar, **SIDEBAR},
        start=relinked(start[0] if start else "", "README.md", "index", known),
    )  # fmt: skip


def _filled(template: str, **content: object) -> str:
    environment = Environment(loader=FileSystemLoader(HERE), trim_blocks=True)
    return environment.get_template(template).render(content)


def _sphinx(stage: Path, made: Path) -> list[str]:
    """Run Sphinx; each warning is an error. Returns its complaints."""
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-n", "-W", "--keep-going",
         str(stage), str(made)],
        capture_output=True, text=True, check=False,
        env={
            **os.environ, "RECSYS_TUTORIAL_ROOT": str(HERE.parents[1]),
            "PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE.parents[1]}",
        },
    )  # fmt: skip
    said = [line.replace(f"{stage}/", "") for line in done.stderr.splitlines() if line.strip()]
    return said or (["Sphinx failed without a message"] if done.returncode else [])
