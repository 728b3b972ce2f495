"""Figures: colours that all eyes tell apart, text in place of the image, labelled axes."""

from __future__ import annotations

import base64
import itertools
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

import recsys_workshop as ws
from recsys_workshop import figures

# How linear RGB looks to dichromats: Machado, Oliveira, Fernandes 2009, severity 1.0.
EYES = {
    "common": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def linear(colour: str) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of linear RGB."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = to_xyz @ rgb.clip(0, 1) / np.array([0.9505, 1.0, 1.089])
    fx, fy, fz = (np.cbrt(t) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


def closest(colours: list[str], eye: str) -> float:
    """The smallest distance between two of the colours, in L*a*b*: about 2 is just visible."""
    seen = [lab(EYES[eye] @ linear(c)) for c in colours]
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))


@pytest.mark.parametrize("eye", EYES)
def test_palette_is_told_apart_by_all_eyes(eye):
    assert closest(list(ws.PALETTE.values()), eye) > 10


def test_the_yardstick_refuses_red_and_green():
    """The test above can fail: matplotlib's own red and green are nearly one colour to many."""
    assert closest(["#2ca02c", "#d62728"], "common") > 100
    assert closest(["#2ca02c", "#d62728"], "deuteranopia") < 10


@pytest.mark.parametrize("eye", EYES)
def test_colour_map_for_amounts_gets_lighter_for_all_eyes(eye):
    steps = [mpl.colormaps[ws.SEQUENTIAL](v)[:3] for v in np.linspace(0, 1, 12)]
    lightness = [lab(EYES[eye] @ linear(s))[0] for s in steps]
    assert np.all(np.diff(lightness) > 0)


def test_style_cycles_through_the_palette_without_yellow():
    with mpl.rc_context():
        figures.use_style()
        cycle = [c["color"] for c in mpl.rcParams["axes.prop_cycle"]]
    assert cycle == [c for name, c in ws.PALETTE.items() if name != "yellow"]


# ---- show -------------------------------------------------------------------------------------

ALT = "A line that rises from one to two stars."


@pytest.fixture
def figure():
    fig, ax = plt.subplots()
    ax.plot([1, 2], [1, 2])
    ax.set(xlabel="epoch", ylabel="error (stars)")
    yield fig
    plt.close(fig)


@pytest.fixture
def displayed(monkeypatch):
    """What `show` hands to the notebook."""
    calls = []
    monkeypatch.setattr(figures, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda data, **more: calls.append((data, more)))
    return calls


def test_image_carries_its_text_in_html_and_in_the_metadata(figure, displayed):
    ws.show(figure, alt='A "line"\n  that rises from <one> to two stars.')
    ((data, more),) = displayed
    text = 'A "line" that rises from <one> to two stars.'
    assert more["metadata"]["image/png"]["alt"] == text
    assert data["text/plain"] == f"[Figure: {text}]"
    assert 'alt="A &quot;line&quot; that rises from &lt;one&gt; to two stars."' in data["text/html"]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")


def test_figure_is_closed(figure, displayed):
    ws.show(figure, alt=ALT)
    assert figure.number not in plt.get_fignums()


def test_without_a_notebook_the_text_is_printed(figure, capsys):
    ws.show(figure, alt=ALT)
    assert capsys.readouterr().out == f"[Figure: {ALT}]\n"


@pytest.mark.parametrize("alt", ["", "plot", "   the     curve   "])
def test_text_that_says_nothing_is_refused(figure, alt):
    with pytest.raises(ValueError, match="says too little"):
        ws.show(figure, alt=alt)


def test_axes_without_a_label_are_warned_of(displayed):
    fig, (left, right) = plt.subplots(ncols=2)
    left.set(xlabel="epoch", ylabel="error (stars)")
    right.set_xlabel("epoch")
    with pytest.warns(UserWarning, match="axes 2 of the figure have no y label"):
        ws.show(fig, alt=ALT)


def test_pictures_and_shared_labels_need_none_of_their_own(displayed):
    fig, (left, right) = plt.subplots(ncols=2)
    left.imshow(np.eye(3))
    left.set_axis_off()
    right.set_yticks([])
    fig.supxlabel("film")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ws.show(fig, alt=ALT)
    assert len(displayed) == 1


def test_colour_bar_needs_a_label(displayed):
    fig, ax = plt.subplots()
    image = ax.imshow(np.eye(3))
    ax.set(xlabel="film", ylabel="person")
    bar = fig.colorbar(image)
    assert figures.unlabelled(fig) == ["axes 2 of the figure have no y label"]
    bar.set_label("stars")
    assert figures.unlabelled(fig) == []
    plt.close(fig)
