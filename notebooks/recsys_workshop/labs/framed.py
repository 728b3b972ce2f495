"""A page of HTML with all that it needs inside, shown in a frame of the notebook or saved."""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Framed:
    """Shows itself as the last line of a cell; `save(path)` makes a page of it.

    document : the whole page, HTML with its style, script and data inside
    picture  : a still of it as a PNG, for where no script may run
    alt      : what it shows, in words
    what     : what it is, before these words
    height   : of the frame, in pixels
    """

    document: str
    picture: bytes
    alt: str
    what: str
    height: int

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page; it works from a file, without a server and without a network."""
        target = Path(path)
        target.write_text(self.document, encoding="utf-8")
        return target

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        # In a frame of its own: no script or style of the notebook meets the page's. The picture
        # is put beside it for readers that drop frames; those without HTML take the PNG.
        alt = html.escape(self.alt)
        framed_page = re.sub(r"<!--plain-->.*<!--/plain-->", "", self.document, flags=re.DOTALL)
        image = base64.b64encode(self.picture).decode()
        framed = (
            f'<iframe sandbox="allow-scripts" title="{self.what}: {alt}" '
            f'srcdoc="{html.escape(framed_page)}" style="width: 100%; height: {self.height}px; '
            'border: 1px solid #767676; background: white"></iframe>'
            "<details><summary>The same as a plain picture</summary>"
            f'<img src="data:image/png;base64,{image}" alt="{alt}" '
            'style="max-width: 100%; background: white"></details>'
        )
        data = {"text/html": framed, "image/png": image, "text/plain": f"[Figure: {self.alt}]"}
        return data, {"image/png": {"alt": self.alt}}


def png(fig: Figure) -> bytes:
    """The figure as the still picture of a page; closes it."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=110, facecolor="white")
    plt.close(fig)
    return buffer.getvalue()


def framed(
    package: str,
    name: str,
    data: Any,
    picture: bytes,
    alt: str,
    what: str,
    height: int,
    **words: str,
) -> Framed:
    """The page `page/NAME.html` of a package, in which @WORD@ is replaced by its content.

    STYLE and SCRIPT are the files of the same name beside it; DATA is `data` as JSON, ALT and
    PICTURE are its text and its still image; `words` holds all others.
    """
    files = resources.files(package) / "page"
    content = {
        "STYLE": (files / f"{name}.css").read_text(encoding="utf-8"),
        "SCRIPT": (files / f"{name}.js").read_text(encoding="utf-8"),
        "DATA": safe_json(json.dumps(data, ensure_ascii=False)),
        "PICTURE": base64.b64encode(picture).decode(),
        "ALT": html.escape(alt),
        **words,
    }
    page = (files / f"{name}.html").read_text(encoding="utf-8")
    document = re.sub(r"@([A-Z]+)@", lambda match: content[match[1]], page)
    return Framed(document, picture, alt, what, height)


def safe_json(text: str) -> str:
    """JSON that is safe inside a script element, whatever the titles contain."""
    return text.replace("<", "\\u003c").replace("&", "\\u0026")
