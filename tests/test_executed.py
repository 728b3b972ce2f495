"""Kept pages: what runs one anew, what does not, and what is never kept. No kernel starts here."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellTimeoutError

import build
from pagebuild import executed
from pagebuild.run import Run


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project of one page and a library of one file."""
    for name in ("constraints.txt", "benchmarks/results.json", "recsys_tutorial/model.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    page(tmp_path, "print(1)", "Prose.")
    executed._library.cache_clear()
    monkeypatch.setattr(executed, "run", Kernel())
    return tmp_path


class Kernel:
    """Instead of a kernel: every cell prints which run it was of; `wrong` goes to stderr."""

    runs = 0
    said = ""
    wrong = ""

    def __call__(self, path: Path, *, mode: str, state: Path) -> Run:
        self.runs += 1
        notebook = nbformat.read(path, as_version=4)
        for cell in (c for c in notebook.cells if c.cell_type == "code"):
            cell.outputs = [
                nbformat.v4.new_output("stream", name=name, text=text)
                for name, text in (
                    ("stdout", f"run {self.runs} {self.said}"),
                    ("stderr", self.wrong),
                )
                if text
            ]
        return Run(notebook, 1.0, None, {})


def page(root: Path, code: str, prose: str) -> None:
    cells = [nbformat.v4.new_markdown_cell(prose), nbformat.v4.new_code_cell(code)]
    path = root / "notebooks" / "solutions" / "01_page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def printed(root: Path, mode: str = "fast") -> str:
    executed._library.cache_clear()
    return executed.executed(root, "01_page", mode).cells[1].outputs[0].text.strip()


def test_a_page_runs_once_and_better_prose_does_not_run_it_again(project):
    assert printed(project) == "run 1"
    page(project, "print(1)", "Better prose.")
    assert printed(project) == "run 1"
    assert executed.executed(project, "01_page", "fast").cells[0].source == "Better prose."


@pytest.mark.parametrize("name", ["recsys_tutorial/model.py", "constraints.txt"])
def test_another_library_or_version_runs_it_again(project, name):
    printed(project)
    (project / name).write_text("2")
    assert printed(project) == "run 2"


def test_other_code_and_other_data_run_it_again_and_one_run_of_each_is_kept(project):
    printed(project)
    page(project, "print(2)", "Prose.")
    assert printed(project) == "run 2"
    assert printed(project, "full") == "run 3"
    assert len(list((project / executed.FOLDER).iterdir())) == 2


def test_a_page_that_fails_is_said_and_not_kept(project):
    executed.run.wrong = "UserWarning: no labels"
    with pytest.raises(executed.PageFailed, match="01_page: wrote to stderr: UserWarning"):
        printed(project)
    executed.run.wrong = ""
    assert printed(project) == "run 2"


def test_invented_films_do_not_pass_for_real_ones(project):
    executed.run.said = "PLANTED DATA, every film and rating invented"
    with pytest.raises(executed.PageFailed, match=r"no real data here.*--mode fast"):
        printed(project, "full")
    assert "PLANTED DATA" in printed(project, "fast")


def test_slides_end_with_what_is_missing(tmp_path, capsys, monkeypatch):
    assert build.shown("slides", ["77_none"], "fast", tmp_path) == 1
    assert "no such page: 77_none" in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert build.shown("slides", ["00_setup"], "fast", tmp_path) == 1
    assert (
        "sphinx_revealjs is not installed: run python3 scripts/test.py" in capsys.readouterr().err
    )


def test_a_cell_that_takes_too_long_is_said_in_a_sentence(project, monkeypatch):
    def late(*_: object, **__: object) -> None:
        raise CellTimeoutError("A cell timed out while it was being executed.\nThe message was: x")

    monkeypatch.setattr(executed, "run", late)
    with pytest.raises(executed.PageFailed, match=r"01_page: A cell timed out .* by its name"):
        printed(project)
