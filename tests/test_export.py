"""An export gives the very model back, or one clear error."""
# ruff: noqa: F811

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from service import exported, film_model, films, fitted, ranker  # noqa: F401

import recsys_tutorial as rt
from recsys_tutorial import Batch
from recsys_tutorial.models import MF, BiasedMF, Popularity
from recsys_tutorial.serving import ExportError


@pytest.fixture
def copy(exported, tmp_path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "copy"))


def weights_of(folder: Path) -> Path:
    (found,) = folder.glob("weights-*.safetensors")
    return found


def edit_card(folder: Path, change) -> None:
    card = json.loads((folder / "card.json").read_text())
    change(card)
    (folder / "card.json").write_text(json.dumps(card))


# ---- the very same model ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [MF, BiasedMF, Popularity])
def test_loaded_model_is_equal_to_the_last_bit(kind, films, tmp_path):
    train, _, test = films.split("random", seed=1)
    model = kind.for_dataset(train)
    rt.fit(model, train, progress=False, **({} if kind is Popularity else {"epochs": 2}))
    loaded = rt.serving.load(rt.serving.export(model, train, tmp_path), films).model
    assert type(loaded) is kind
    assert not loaded.training
    np.testing.assert_array_equal(rt.predict(loaded, test), rt.predict(model, test))
    users = Batch(user=torch.arange(films.n_users))
    assert torch.equal(loaded.score_items(users), model.score_items(users))
    assert loaded.user_vocab == films.user_vocab
    if kind is not Popularity:
        one = rt.recommend(model, films, ratings={1: 5, 2: 1}, reasons=True)
        other = rt.recommend(loaded, films, ratings={1: 5, 2: 1}, reasons=True)
        pd.testing.assert_frame_equal(one, other)


def test_ids_of_strings_and_missing_years_and_genres(tmp_path, rng):
    pairs = rng.permutation([(u, i) for u in "abcd" for i in ("é/1", "two words", "3", "x")])[:12]
    table = pd.DataFrame(pairs, columns=["user", "item"])
    table["rating"] = rng.integers(1, 6, len(table)).astype(float)
    data = rt.datasets.from_frame(table)
    model = fitted(data)
    found = rt.serving.load(rt.serving.export(model, data, tmp_path), data)
    assert [one["item"] for one in found.card["items"]] == data.item_vocab.ids.tolist()
    np.testing.assert_array_equal(rt.predict(found.model, data), rt.predict(model, data))
    engine = rt.serving.Engine(found)
    assert {engine.items[engine.item(i)]["item"] for i in ("é/1", "3")} == {"é/1", "3"}


def test_both_models_and_what_users_rated_come_along(films, film_model, ranker, exported):
    found = rt.serving.load(exported, films)
    np.testing.assert_array_equal(rt.predict(found.stars, films), rt.predict(film_model, films))
    np.testing.assert_array_equal(rt.predict(found.model, films), rt.predict(ranker, films))
    for user in (0, 7, films.n_users - 1):
        rows, mine = slice(*found.seen["start"][user : user + 2]), films.user == user
        np.testing.assert_array_equal(found.seen["item"][rows], films.item[mine])
        np.testing.assert_array_equal(found.seen["rating"][rows], films.rating[mine])
        assert found.seen["time"][user] == films.timestamp[mine].max()


def test_the_card_says_what_it_is_for(exported, films):
    card = json.loads((exported / "card.json").read_text(encoding="utf-8"))
    assert (card["model"]["class"], card["model"]["for"]) == ("ImplicitALS", "lists")
    assert (card["stars"]["class"], card["stars"]["for"]) == ("BiasedMF", "stars")
    assert card["stars"]["settings"]["dim"] == 8
    assert card["metrics"]["ndcg@10"] > card["popularity"]["ndcg@10"]
    wanted = {"name": "planted", "planted": True, "ratings": len(films), "scale": [1.0, 5.0]}
    assert wanted.items() <= card["data"].items()
    assert card["versions"]["torch"] == torch.__version__.split("+")[0]
    assert [one["title"] for one in card["items"]] == films.items["title"].tolist()


def test_who_ranks_predicts_no_stars(films, film_model, ranker, tmp_path):
    with pytest.raises(ValueError, match="stars=ImplicitALS ranks and predicts no stars"):
        rt.serving.export(film_model, films, tmp_path, stars=ranker)


def test_no_metric_that_json_cannot_hold(films, film_model, tmp_path):
    metrics = {"auc": float("nan"), "n": np.int64(3)}
    card = rt.serving.load(rt.serving.export(film_model, films, tmp_path, metrics=metrics)).card
    assert card["metrics"] == {"auc": None, "n": 3}


# ---- what cannot be exported --------------------------------------------------------------------


def test_models_and_ids_that_no_export_can_hold(films, film_model, small, tmp_path):
    class Own(rt.models.Model):
        pass

    with pytest.raises(ValueError, match="Own has no parent in"):
        rt.serving.export(Own.for_dataset(films), films, tmp_path)
    with pytest.raises(ValueError, match="has not been fitted"):
        rt.serving.export(MF.for_dataset(films), films, tmp_path)
    with pytest.raises(ValueError, match="are not those of Dataset"):
        rt.serving.export(film_model, small, tmp_path)
    table = pd.DataFrame({"user": [1, 1, 2], "item": [(1, 2), (3, 4), (1, 2)], "rating": [1, 2, 3]})
    pairs = rt.datasets.from_frame(table)
    with pytest.raises(ValueError, match=r"item id \(1, 2\) cannot be exported"):
        rt.serving.export(fitted(pairs), pairs, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_diverged(films, tmp_path):
    model = fitted(films, epochs=1)
    with torch.no_grad():
        model.item_factors[3, 1] = float("nan")
    with pytest.raises(ValueError, match=r"item_factors of this BiasedMF holds .* not finite"):
        rt.serving.export(model, films, tmp_path)
    assert list(tmp_path.iterdir()) == []


# ---- what is refused ----------------------------------------------------------------------------


def refused(folder: Path) -> str:
    """The message: one line that names the directory and ends with what to do."""
    with pytest.raises(ExportError) as caught:
        rt.serving.load(folder)
    message = str(caught.value)
    assert message.startswith(f"{folder}: ")
    assert message.endswith("Export the model again")
    assert "\n" not in message
    return message


def test_nothing_there(tmp_path):
    assert "there is no card.json" in refused(tmp_path / "nowhere")


def test_cut_short_or_any_flipped_byte_of_the_weights(copy, rng):
    path = weights_of(copy)
    whole = path.read_bytes()
    changed = [whole[:0], whole[:-1]]
    for at in [0, 9, len(whole) - 1, *rng.integers(0, len(whole), 20)]:
        flipped = bytearray(whole)
        flipped[at] ^= 1 << int(rng.integers(8))
        changed.append(bytes(flipped))
    for content in changed:
        path.write_bytes(content)
        assert re.search("weights-.* is damaged: .* its content was changed", refused(copy))
    path.write_bytes(whole)
    rt.serving.load(copy)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.__setitem__("format", 1), "of format 1, expected 3"),
        (lambda c: c["model"].__setitem__("class", "os"), "has no model 'os'"),
        (lambda c: c["model"].__setitem__("class", "FoldedUser"), "another version"),
        (lambda c: c["model"]["settings"].__setitem__("dim", 9), "another version"),
        (lambda c: c["weights"].__setitem__("file", "../x"), "there is no x"),
        (lambda c: c.pop("model"), "another version"),
    ],
)
def test_a_card_that_does_not_fit(copy, change, says):
    edit_card(copy, change)
    assert says in refused(copy)


@pytest.mark.parametrize("content", ["", '{"format": 3', "{}", "[" * 100_000, "\x00"])
def test_other_text_is_no_card(copy, content):
    (copy / "card.json").write_text(content)
    assert "is not whole" in refused(copy)


def test_another_dataset_is_named(copy, small):
    with pytest.raises(ValueError, match="are not those of Data"):
        rt.serving.load(copy, small)


def test_pickles_are_not_read(copy):
    """A file that would run code when unpickled is only bytes here."""
    path = weights_of(copy)
    torch.save({"a": torch.ones(2)}, path)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    edit_card(copy, lambda c: c["weights"].update(sha256=digest))
    assert "another version" in refused(copy)


# ---- writing ------------------------------------------------------------------------------------


def test_a_new_export_takes_the_place_of_the_old(copy, films, film_model):
    other = fitted(films, epochs=1, seed=5)
    rt.serving.export(other, films, copy)
    assert len(list(copy.iterdir())) == 2
    np.testing.assert_array_equal(
        rt.predict(rt.serving.load(copy).model, films), rt.predict(other, films)
    )
    if os.name != "nt":
        modes = {stat.S_IMODE(path.stat().st_mode) for path in copy.iterdir()}
        assert modes == {0o644}  # another user, in a container say, can read it


@pytest.mark.parametrize("fails_at", [1, 2])
def test_an_export_that_fails_leaves_the_old_one(copy, films, fails_at, monkeypatch):
    before = {p.name: p.read_bytes() for p in copy.iterdir()}
    calls, replace = [], os.replace

    def full(source, target):
        calls.append(target)
        if len(calls) == fails_at:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        rt.serving.export(fitted(films, epochs=1, seed=6), films, copy)
    rt.serving.load(copy, films)
    left = {p.name: p.read_bytes() for p in copy.iterdir()}
    assert before.items() <= left.items()


def test_whoever_reads_during_exports_gets_one_whole_model(copy, films, film_model):
    other = fitted(films, epochs=1, seed=7)
    known = {tuple(rt.predict(m, films)[:20]) for m in (film_model, other)}
    rt.serving.export(other, films, copy)
    done = threading.Event()

    def write() -> None:
        for n in range(12):
            rt.serving.export((film_model, other)[n % 2], films, copy)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not done.is_set():
        assert tuple(rt.predict(rt.serving.load(copy).model, films)[:20]) in known
        reads += 1
    writer.join()
    assert reads > 3


def test_the_core_does_without_the_extra(exported):
    code = (
        "import sys; sys.modules['fastapi'] = sys.modules['uvicorn'] = None\n"
        "from recsys_tutorial import serving\n"
        f"serving.load({str(exported)!r})\n"
        "try:\n    serving.serve('x')\n"
        "except ImportError as error:\n    assert 'pip install' in str(error), error"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
