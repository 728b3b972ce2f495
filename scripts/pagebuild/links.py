"""Links inside a folder of HTML: each leads to a file that is there, and to a place in it."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

REFERS = {"a": "href", "link": "href", "img": "src", "script": "src", "iframe": "src"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.places |= {v for key in ("id", "name") if (v := values.get(key))}
        if target := values.get(REFERS.get(tag, "")):
            self.links.append((tag, target))


@cache
def _read(path: Path) -> _Reader:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


def dead_links(folder: Path) -> list[str]:
    """What is wrong, one line each: a file or a place that is not there, or something that a page
    loads from elsewhere. Links to the web are not followed."""
    _read.cache_clear()
    found = []
    for page in sorted(folder.rglob("*.html")):
        for tag, target in _read(page).links:
            if problem := _wrong(folder, page, tag, target):
                found.append(f"{page.relative_to(folder)}: {target} {problem}")
    return found


def _wrong(folder: Path, page: Path, tag: str, target: str) -> str:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        loads = tag != "a" and parts.scheme not in ("data",)
        return "is loaded from elsewhere" if loads and not target.startswith("mailto:") else ""
    there = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
    if there.is_dir():
        there /= "index.html"
    if not there.is_file() or not there.is_relative_to(folder.resolve()):
        return "leads to nothing"
    if parts.fragment and there.suffix == ".html":
        place = unquote(parts.fragment)
        if place not in _read(there).places and place not in ("", "top"):
            return "leads to a place that is not there"
    return ""
