"""The files of the web page, as they lie in the package."""

from __future__ import annotations

from importlib import resources


def page_files() -> dict[str, bytes]:
    """Each file's content by its name."""
    folder = resources.files("recsys_tutorial.serving") / "page"
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


def page_html(html: bytes, scripts: tuple[str, ...], folder: str = "page/") -> bytes:
    """The page with its style and these scripts, all from beside it."""
    tags = [f'<link rel="stylesheet" href="{folder}style.css">']
    tags += [f'<script src="{folder}{name}" defer></script>' for name in scripts]
    return html.replace(b"<!-- head -->", "\n".join(tags).encode())
