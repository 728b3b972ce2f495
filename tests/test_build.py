"""The build: notebooks in sync with their sources, deterministic, and strict about a source."""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from pagebuild import lint
from pagebuild.book import Book, in_words
from pagebuild.measure import over_budget
from pagebuild.plans import plans, run_sheet
from pagebuild.source import Cell, SourceError
from pagebuild.timing import sections
from pagebuild.write import generate, instructor, out_of_sync, teaching, write

ROOT = Path(__file__).resolve().parents[1]

GOOD = """\
# ---
# minutes: 20
# needs: [01_first]
# knows: "how to count"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Second
#
# Learn to count in one sentence.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("02_second")

# %% [markdown]
# ## Counting
#
# ![a picture](images/picture.png)

# %%
one = 1

# %% [markdown] tags=["notes"]
# Ask the room.

# %% tags=["stub"]
two = None

# %% tags=["solution"]
two = one + one

# %%
ws.check("02.two", two)
"""
FIRST = GOOD.replace("02_second", "01_first").replace("# # Second", "# # First")
FIRST = FIRST.replace("# needs: [01_first]\n", "").replace('# knows: "how to count"\n', "")


@pytest.fixture
def project(tmp_path):
    """A project with two pages."""
    source = tmp_path / "notebooks" / "source"
    source.mkdir(parents=True)
    (source / "series.toml").write_text(
        '[[part]]\ntitle = "All"\npages = [["01_first", "First"], ["02_second", "Second"]]\n'
    )
    (source / "01_first.py").write_text(FIRST)
    (source / "02_second.py").write_text(GOOD)
    address = "https://git.example/it"
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{address}"\n')
    return tmp_path


def cells(text: str) -> list[nbformat.NotebookNode]:
    return nbformat.reads(text, as_version=4).cells


def with_tag(text: str, tag: str) -> list[nbformat.NotebookNode]:
    return [c for c in cells(text) if tag in c.metadata.get("tags", [])]


# ---- this project -----------------------------------------------------------------------------


def test_notebooks_are_in_sync_with_their_sources():
    """Also fails for notebooks that were run and saved: building again takes the outputs out."""
    stale = out_of_sync(ROOT, generate(ROOT))
    assert stale == [], "run python scripts/build.py pages"


def test_every_link_between_notebooks_leads_somewhere():
    files = generate(ROOT)
    for name, text in files.items():
        for cell in cells(text) if name.endswith(".ipynb") else ():
            for target in re.findall(r"\]\(([^)#:]+\.ipynb)\)", cell.source):
                path = (ROOT / "notebooks" / name).parent / target
                there = path.resolve().relative_to(ROOT / "notebooks").as_posix()
                assert there in files, f"{name} links to {target}"


def test_check_lists_what_is_out_of_sync(project):
    """The command itself: 0 in sync, 1 and the name otherwise. Run on a copy of this project."""
    write(project, generate(project))
    code = f"import build, pathlib; build.ROOT = pathlib.Path({str(project)!r}); "
    code += "raise SystemExit(build.main(['pages', '--check']))"

    def check() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code]
        return subprocess.run(
            command, cwd=ROOT / "scripts", capture_output=True, text=True, check=False
        )

    assert (check().returncode, check().stdout) == (0, "in sync\n")
    (project / "notebooks" / "solutions" / "01_first.ipynb").unlink()
    done = check()
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "solutions/01_first.ipynb"
    (project / "notebooks" / "source" / "01_first.py").write_text("nothing")
    done = check()
    assert done.returncode == 1
    assert "01_first: it must begin with a front block" in done.stderr


# ---- what is made of a source -----------------------------------------------------------------


def test_one_changed_word_is_one_changed_line(project):
    before = generate(project)["02_second.ipynb"]
    path = project / "notebooks" / "source" / "02_second.py"
    path.write_text(GOOD.replace("in one sentence", "in one breath"))
    after = generate(project)["02_second.ipynb"]
    diff = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    assert sum(line.startswith("+ ") for line in diff) == 1
    assert sum(line.startswith("- ") for line in diff) == 1


def test_new_cell_leaves_the_ids_of_other_sections_alone(project):
    before = {c.source: c.id for c in cells(generate(project)["02_second.ipynb"])}
    path = project / "notebooks" / "source" / "02_second.py"
    path.write_text(
        GOOD.replace("# %% [markdown]\n# ## Count", "# %%\n3\n\n# %% [markdown]\n# ## Count")
    )
    after = {c.source: c.id for c in cells(generate(project)["02_second.ipynb"])}
    assert "3" in after
    assert {text: after[text] for text in before} == before


def test_attendees_get_stubs_and_others_solutions(project):
    files = generate(project)
    attendee, solution = files["02_second.ipynb"], files["solutions/02_second.ipynb"]
    assert [c.source for c in with_tag(attendee, "stub")] == ["two = None"]
    assert with_tag(attendee, "solution") == []
    assert [c.source for c in with_tag(solution, "solution")] == ["two = one + one"]
    assert with_tag(solution, "stub") == []
    for text in (attendee, solution):
        assert with_tag(text, "notes") == []
        assert "Ask the room" not in text
        assert 'ws.check("02.two", two);' in [c.source for c in cells(text)]


def test_setup_cell_is_collapsed_and_knows_the_address(project):
    for text in generate(project).values():
        for cell in with_tag(text, "setup"):
            assert cell.metadata.jupyter.source_hidden is True
            assert "git clone --quiet --depth 1 https://git.example/it " in cell.source
            assert cell.source.splitlines()[-1].startswith("page = ws.page(")


def test_a_cell_can_be_collapsed(project):
    path = project / "notebooks" / "source" / "02_second.py"
    path.write_text(GOOD.replace("# %%\none = 1", '# %% tags=["hide-input"]\none = 1'))
    (cell,) = with_tag(generate(project)["02_second.ipynb"], "hide-input")
    assert (cell.source, cell.metadata.jupyter.source_hidden) == ("one = 1", True)


def test_header_and_footer_link_the_pages_before_and_after(project):
    first, second = (cells(generate(project)[f"{n}.ipynb"]) for n in ("01_first", "02_second"))
    assert "**About 20 minutes** · Before this page: nothing" in first[0].source
    assert "[02 Second](02_second.ipynb) →" in first[0].source
    assert first[-1].source.startswith("**Next:** [02 Second](02_second.ipynb)")
    assert "Before this page: [01 First](01_first.ipynb), how to count" in second[0].source
    assert "← [01 First](01_first.ipynb)" in second[0].source
    assert second[-1].source.startswith("**Back to:** [Contents](index.ipynb)")
    solution = cells(generate(project)["solutions/02_second.ipynb"])
    assert "[Contents](../index.ipynb)" in solution[0].source
    assert "[Glossary](../../docs/glossary.md)" in solution[0].source
    assert "← [01 First](01_first.ipynb)" in solution[0].source  # a solution, too
    assert any("](../images/picture.png)" in c.source for c in solution)


def test_index_lists_pages_with_minutes_and_the_readers_progress(project):
    content = {"pages": {"01_first": {"minutes": 20, "seconds": 71.0, "peak_mib": 300}}}
    (project / "notebooks" / "minutes.json").write_text(json.dumps(content))
    made = cells(generate(project)["index.ipynb"])
    table = "\n".join(c.source for c in made)
    assert "| [01 First](01_first.ipynb) | 20 | 1.5 minutes |" in table
    assert "| [02 Second](02_second.ipynb) | 20 |  |" in table
    assert made[-1].source.endswith("ws.progress()")


def test_contents_cell_becomes_the_table(project):
    path = project / "notebooks" / "source" / "01_first.py"
    path.write_text(FIRST + "\n# %% [markdown]\n# {contents}\n")
    made = cells(generate(project)["solutions/01_first.ipynb"])
    assert any("| [02 Second](02_second.ipynb) | 20 |  |" in c.source for c in made)


def test_readme_gets_the_table_between_its_marks_and_keeps_the_rest(project):
    path = project / "README.md"
    path.write_text("Before.\n<!-- series: by the build -->\nold\n<!-- end of series -->\nAfter.\n")
    assert "../README.md" in out_of_sync(project, generate(project))
    write(project, generate(project))
    text = path.read_text()
    assert text.startswith("Before.\n<!-- series: by the build -->\n| page | minutes |")
    assert "\n| [01 First](notebooks/01_first.ipynb) | 20 |  |\n" in text
    assert text.endswith("| 20 |  |\n<!-- end of series -->\nAfter.\n")
    assert out_of_sync(project, generate(project)) == []
    path.write_text("No marks.\n")
    assert "../README.md" not in generate(project)


PLAN = """
[[plan]]
name = "day"
start = "09:50"
rows = [["01", "1", "all of it"], ["", 10, "Break"], ["02", 15, "half"]]
"""


def test_minutes_of_notes_rows_and_pages_add_up():
    book = Book.read(ROOT)
    made = plans(ROOT, book)
    for source in book.sources.values():
        assert sum(s.minutes for s in sections(source)) == source.minutes, source.name
        assert all(s.minutes == s.stated for s in sections(source) if s.stated)
    for name, rows in made.items():
        assert all(row.minutes == sum(s.minutes for _, s in row.parts) for row in rows if row.parts)
        assert any(row.what.startswith("Spare time") and row.minutes >= 15 for row in rows), name
    guide = (ROOT / "docs" / "instructor.md").read_text(encoding="utf-8")
    left = guide.partition("<!-- self-study")[2].partition("<!-- end")[0]
    taken = {row.page for rows in made.values() for row in rows}
    for entry in book.series:
        number = entry.name[:2]
        assert not number.isdigit() or (number in left) != (entry.name in taken), entry.name


def test_more_minutes_in_the_notes_than_the_page_has_are_refused(project):
    path = project / "notebooks" / "source" / "01_first.py"
    path.write_text(FIRST.replace("# Ask the room.", "# Ask the room. (21 minutes)"))
    with pytest.raises(SourceError, match="its notes name 21 minutes, and the page takes 20"):
        generate(project)


def test_the_instructors_edition_has_the_questions_in_their_places(project):
    book = Book.read(project)
    made = nbformat.reads(instructor(book, book.sources["01_first"]), as_version=4)
    texts = [cell.source for cell in made.cells]
    place = texts.index("> **For the instructor.** Ask the room.")
    assert texts[place - 1] == "one = 1"
    assert texts[place + 1 : place + 3] == ["two = None", "two = one + one"]
    assert any(text.startswith("## Counting *(20 min)*") for text in texts)
    files = teaching(project, project / "notebooks" / "instructor")
    assert {path.name for path in files} == {"01_first.ipynb", "02_second.ipynb"}


@pytest.mark.browser
def test_a_run_sheet_is_one_page(chromium, tmp_path):
    book = Book.read(ROOT)
    for name, rows in plans(ROOT, book).items():
        path = tmp_path / "sheet.html"
        path.write_text(run_sheet(name, rows, book), encoding="utf-8")
        page = chromium.new_page()
        page.goto(path.as_uri())
        printed = page.pdf(prefer_css_page_size=True)
        page.close()
        assert printed.count(b"/Type /Page\n") == 1, name


def test_the_guide_gets_timetables_whose_clock_adds_up(project):
    guide = project / "docs" / "instructor.md"
    guide.parent.mkdir()
    guide.write_text(
        "Before.\n<!-- plan day: by the build -->\nold\n<!-- end of plan -->\nAfter.\n"
    )
    plans = project / "notebooks" / "source" / "plans.toml"
    plans.write_text(PLAN)
    write(project, generate(project))
    lines = guide.read_text().splitlines()
    assert lines[4:8] == [
        "| 09:50 | 20 | 01 First | part 1: all of it |  |",
        "| 10:10 | 10 |  | Break |  |",
        "| 10:20 | 15 | 02 Second | half |  |",
        "| 10:35 |  |  | end |  |",
    ]
    assert out_of_sync(project, generate(project)) == []
    plans.write_text(PLAN.replace('"02"', '"77"'))
    with pytest.raises(SourceError, match="no page '77'"):
        generate(project)
    plans.write_text(PLAN.replace('"1"', '"1-3"'))
    with pytest.raises(SourceError, match="01_first has no part 2, it has 1"):
        generate(project)
    plans.write_text(PLAN.replace('"day"', '"night"'))
    with pytest.raises(SourceError, match="no marks for 'plan night'"):
        generate(project)


def test_bug_hunts_lie_one_folder_deeper(project):
    folder = project / "notebooks" / "source" / "bug_hunts"
    folder.mkdir()
    text = GOOD.replace("02_second", "bug_hunts/01_axis").replace("# # Second", "# # An axis")
    (folder / "01_axis.py").write_text(text)
    files = generate(project)
    top = cells(files["bug_hunts/01_axis.ipynb"])[0].source
    assert "[Contents](../index.ipynb)" in top
    assert "[01 First](../01_first.ipynb)" in top
    deep = cells(files["solutions/bug_hunts/01_axis.ipynb"])[0].source
    assert "[Contents](../../index.ipynb)" in deep
    assert "(../../bug_hunts/01_axis.ipynb)" in deep
    hunt = "[An axis](bug_hunts/01_axis.ipynb), 20 minutes, after page 01"
    assert hunt in files["index.ipynb"]


def test_the_build_removes_its_own_leftovers_and_nothing_of_the_readers(project):
    write(project, generate(project))
    mine = project / "notebooks" / "Untitled.ipynb"
    mine.write_text(nbformat.writes(nbformat.v4.new_notebook()))
    copy = project / "notebooks" / "02_second-Copy1.ipynb"
    copy.write_text((project / "notebooks" / "02_second.ipynb").read_text())
    (project / "notebooks" / "source" / "02_second.py").unlink()
    series = project / "notebooks" / "source" / "series.toml"
    series.write_text(series.read_text().replace(', ["02_second", "Second"]', ""))
    files = generate(project)
    assert "02_second.ipynb" in out_of_sync(project, files)
    assert {"Untitled.ipynb", copy.name}.isdisjoint(out_of_sync(project, files))
    write(project, files)
    assert mine.is_file()
    assert copy.is_file()
    assert not (project / "notebooks" / "02_second.ipynb").exists()
    assert out_of_sync(project, files) == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.3, "5 seconds"),
        (5, "5 seconds"),
        (21, "25 seconds"),
        (56, "1 minute"),
        (61, "1.5 minutes"),
    ],
)
def test_durations_are_rounded_up(seconds, words):
    assert in_words(seconds) == words


def test_budget_of_a_page():
    assert over_budget({"seconds": 119.0, "peak_mib": 1000}) == []
    assert len(over_budget({"seconds": 121.0, "peak_mib": 1100})) == 2


# ---- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# minutes: 20\n", "", "needs `minutes`"),
        ("# minutes: 20", "# minutes: many", "needs `minutes`"),
        ("# minutes: 20", "# minutes: 20\n# minuets: 3", "minuets"),
        ("# minutes: 20", "# minutes: [", "no YAML"),
        ("# # Second", "# # Third", "H1 is 'Third', and series.toml says 'Second'"),
        ("# # Second", "# ## Second", "must be markdown and begin with the H1"),
        ("#\n# Learn to count in one sentence.\n", "", "the goal in one sentence"),
        ("# ## Counting", "# # Counting", "exactly one H1"),
        ("# ## Counting", "# ### Counting", "jumps from level 1 to 3"),
        ('ws.page("02_second")', 'ws.page("02")', "second cell must be tagged"),
        ('tags=["setup"]', "", "second cell must be tagged"),
        ('# %% tags=["solution"]\ntwo = one + one\n', "", "stub must be followed by its solution"),
        ('# %% tags=["stub"]\ntwo = None\n', "", "solution must follow a stub"),
        ('ws.check("02.two", two)', "two", "followed by a cell with ws.check"),
        ('tags=["notes"]', 'tags=["note"]', "unknown tags"),
        ("one = 1", "one = 1\n" * 17, "17 lines of code"),
        ("[01_first]", "[01_frist]", "no page of the series"),
    ],
)
def test_a_source_that_is_wrong_is_refused_with_the_reason(project, old, new, message):
    assert old in GOOD
    (project / "notebooks" / "source" / "02_second.py").write_text(GOOD.replace(old, new))
    with pytest.raises(SourceError, match=re.escape(message)) as error:
        generate(project)
    assert "02_second" in str(error.value)


def test_a_page_outside_the_table_is_refused(project):
    (project / "notebooks" / "source" / "99_stray.py").write_text(GOOD)
    with pytest.raises(SourceError, match=r"not in notebooks/source/series\.toml: 99_stray"):
        generate(project)


def test_hash_signs_in_code_fences_are_no_headings():
    cell = Cell("markdown", "## A\n\n```\n# not a heading\n```\n### B", {})
    assert lint.headings([cell]) == [(2, "A"), (3, "B")]


def test_a_check_at_the_end_gets_one_semicolon(project):
    path = project / "notebooks" / "source" / "02_second.py"
    for end in (
        'ws.check("02.two", two)',
        'ws.check("02.two", two);',
        'ws.check(\n    "02.two", two\n)',
    ):
        path.write_text(GOOD.replace('ws.check("02.two", two)', end))
        (cell,) = [c for c in cells(generate(project)["02_second.ipynb"]) if "check(" in c.source]
        assert cell.source == end.rstrip(";") + ";"
