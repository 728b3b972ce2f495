"""Boxes and arrows as SVG, for the picture of the house and the map of the models."""

from __future__ import annotations

import html

Corner = tuple[float, float]


def head(width: float, height: float, alt: str, said: str, y: int) -> list[str]:
    """The opening of a picture with a sentence at its top."""
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{html.escape(alt)}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#555"/></marker></defs>',
        f'<text x="20" y="{y}" font-size="15" fill="#333">{said}</text>',
    ]


def box(corner: Corner, wide: int, high: int, name: str, said: str, fill: str) -> str:
    """A name in bold with a line below it."""
    x, y = corner
    return (
        f'<g><rect x="{x}" y="{y}" width="{wide}" height="{high}" rx="6" fill="{fill}" '
        f'stroke="#0072B2"/><text x="{x + 9}" y="{y + 0.42 * high:g}" font-size="15" '
        f'font-weight="bold" fill="#111">{name}</text><text x="{x + 9}" y="{y + 0.8 * high:g}" '
        f'font-size="13.5" fill="#222">{html.escape(said)}</text></g>'
    )


def arrow(start: Corner, end: Corner, wide: int, high: int, colour: str) -> str:
    """From one box to another: straight within a column, else as a curve."""
    (x, y), (a, b) = start, end
    if x == a:
        down = y > b
        way = f"M{x + wide / 2} {y if down else y + high} L{a + wide / 2} {b + high if down else b}"
    else:
        half, left = (x + a + wide) / 2, a + wide
        way = f"M{x} {y + high / 2} C{half} {y + high / 2} {half} {b + high / 2} {left} "
        way += f"{b + high / 2}"
    return (
        f'<path d="{way}" fill="none" stroke="{colour}" stroke-width="1.4" marker-end="url(#tip)"/>'
    )
