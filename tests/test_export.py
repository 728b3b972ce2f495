"""An export gives the very model back, or one clear error."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from service import exported, film_model, films, fitted  # noqa: F401

import recsys_tutorial as rt
from recsys_tutorial import Batch
from recsys_tutorial.models import MF, BiasedMF, Popularity
from recsys_tutorial.serving import ExportError, exporting


@pytest.fixture
def copy(exported, tmp_path) -> Path:  # noqa: F811
    return Path(shutil.copytree(exported, tmp_path / "copy"))


def weights_of(folder: Path) -> Path:
    (found,) = folder.glob("weights-*.safetensors")
    return found


def edit_card(folder: Path, change, *, sign: bool = True) -> None:
    card = json.loads((folder / "card.json").read_text())
    change(card)
    if sign:
        card["sha256"] = exporting._sum_of(card)
    (folder / "card.json").write_text(json.dumps(card))


# ---- the very same model ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [MF, BiasedMF, Popularity])
def test_loaded_model_is_equal_to_the_last_bit(kind, films, tmp_path):  # noqa: F811
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
    assert found.card["items"]["ids"] == data.item_vocab.ids.tolist()
    np.testing.assert_array_equal(rt.predict(found.model, data), rt.predict(model, data))
    engine = rt.serving.Engine(found)
    assert {engine.items[engine.item(i)]["item"] for i in ("é/1", "3")} == {"é/1", "3"}


def test_what_users_rated_comes_along(films, film_model, exported):  # noqa: F811
    seen = rt.serving.load(exported).seen
    for user in (0, 7, films.n_users - 1):
        items, stars = seen.of(user)
        mine = films.user == user
        np.testing.assert_array_equal(items, films.item[mine])
        np.testing.assert_array_equal(stars, films.rating[mine])
        assert seen.time[user] == films.timestamp[mine].max()


def test_the_card_says_what_it_is(exported, films, film_model):  # noqa: F811
    card = json.loads((exported / "card.json").read_text(encoding="utf-8"))
    assert card["model"]["class"] == "BiasedMF"
    assert card["model"]["settings"]["dim"] == 8
    assert card["metrics"] == {"rmse": 0.9}
    assert card["data"] == {
        "name": "planted",
        "source": films.source,
        "planted": True,
        "ratings": len(films),
        "sha256": exporting.data_hash(films),
        "scale": list(films.scale),
    }
    assert card["versions"]["torch"] == torch.__version__.split("+")[0]
    assert card["items"]["title"] == films.items["title"].tolist()
    assert card["users"]["fingerprint"] == films.user_vocab.fingerprint


def test_the_data_hash_follows_the_ratings(films):  # noqa: F811
    order = np.arange(len(films))
    assert exporting.data_hash(films.take(order)) == exporting.data_hash(films)
    assert exporting.data_hash(films.take(order[:-1])) != exporting.data_hash(films)


def test_no_metric_that_json_cannot_hold(films, film_model, tmp_path):  # noqa: F811
    metrics = {"auc": float("nan"), "n": np.int64(3)}
    card = rt.serving.load(rt.serving.export(film_model, films, tmp_path, metrics=metrics)).card
    assert card["metrics"] == {"auc": None, "n": 3}
    with pytest.raises(ValueError, match="metrics must be numbers, and 'good' is none"):
        rt.serving.export(film_model, films, tmp_path, metrics={"auc": "good"})


# ---- what cannot be exported --------------------------------------------------------------------


def test_a_model_of_ones_own_counts_if_it_computes_the_same(films, film_model, tmp_path):  # noqa: F811
    class Mine(BiasedMF):
        pass

    class Doubled(BiasedMF):
        def score_items(self, batch):
            return 2 * super().score_items(batch)

    for kind in (Mine, Doubled):
        model = kind.for_dataset(films, dim=8)
        model.load_state_dict(film_model.state_dict())
        if kind is Mine:
            assert (
                type(rt.serving.load(rt.serving.export(model, films, tmp_path / "a")).model)
                is BiasedMF
            )
        else:
            with pytest.raises(ValueError, match="Doubled scores otherwise than the BiasedMF"):
                rt.serving.export(model, films, tmp_path / "b")
            assert not (tmp_path / "b").exists()


def test_models_and_ids_that_no_export_can_hold(films, film_model, small, tmp_path):  # noqa: F811
    class Own(rt.models.Model):
        pass

    with pytest.raises(ValueError, match="Own is not made from a class of"):
        rt.serving.export(Own.for_dataset(films), films, tmp_path)
    with pytest.raises(ValueError, match="are not those of Dataset"):
        rt.serving.export(film_model, small, tmp_path)
    table = pd.DataFrame({"user": [1, 1, 2], "item": [(1, 2), (3, 4), (1, 2)], "rating": [1, 2, 3]})
    pairs = rt.datasets.from_frame(table)
    with pytest.raises(ValueError, match=r"item id \(1, 2\) cannot be exported"):
        rt.serving.export(fitted(pairs), pairs, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_diverged(films, tmp_path):  # noqa: F811
    model = fitted(films, epochs=1)
    with torch.no_grad():
        model.item_factors[3, 1] = float("nan")
    with pytest.raises(ValueError, match=r"item_factors of this BiasedMF holds .* not finite"):
        rt.serving.export(model, films, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_pairs_without_ratings(tmp_path, rng):
    cells = rng.permutation([(u, i) for u in range(20) for i in range(15)])[:150]
    data = rt.datasets.from_frame(pd.DataFrame(cells, columns=["user", "item"]))
    model = MF.for_dataset(data, dim=3)
    rt.fit(model, data, loss=rt.losses.bpr, epochs=2, progress=False)
    found = rt.serving.load(rt.serving.export(model, data, tmp_path), data)
    assert found.model.predicts == "score"
    np.testing.assert_array_equal(rt.predict(found.model, data), rt.predict(model, data))
    engine = rt.serving.Engine(found)
    table = rt.recommend(model, data, ratings={1: 1, 2: 1}, k=5)
    items = np.array([engine.item(1), engine.item(2)])
    mine = engine.recommend(items, np.ones(2), k=5)
    assert [one["item"] for one in mine] == table["item"].tolist()
    assert [one["score"] for one in mine] == pytest.approx(table["score"].tolist(), abs=1e-5)


# ---- what is refused ----------------------------------------------------------------------------


def refused(folder: Path, *args) -> str:
    """The message: one line that names the directory and ends with what to do."""
    with pytest.raises(ExportError) as caught:
        rt.serving.load(folder, *args)
    message = str(caught.value)
    assert message.startswith(f"{folder}: ")
    assert message.endswith("Export the model again")
    assert "\n" not in message
    return message


def test_nothing_there(tmp_path):
    assert "there is no card.json" in refused(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["card.json", "weights"])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.999])
def test_cut_short(copy, name, keep):
    path = copy / name if name == "card.json" else weights_of(copy)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    assert ("bytes, the card says" if name == "weights" else "is not whole") in refused(copy)


def test_any_flipped_byte_of_the_weights(copy, rng):
    path = weights_of(copy)
    whole = path.read_bytes()
    for at in [0, 9, len(whole) - 1, *rng.integers(0, len(whole), 20)]:
        changed = bytearray(whole)
        changed[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        assert "was changed: its sha256 is not the card's" in refused(copy)
    path.write_bytes(whole)
    rt.serving.load(copy)


def test_any_changed_value_of_the_card(copy):
    edit_card(copy, lambda card: card["items"]["title"].__setitem__(0, "Another"), sign=False)
    assert "card.json was changed" in refused(copy)


def test_no_flipped_byte_of_the_card_gives_another_model(copy, rng):
    whole = (copy / "card.json").read_bytes()
    known = rt.serving.load(copy).card
    for at in rng.integers(0, len(whole), 60):
        changed = bytearray(whole)
        changed[at] ^= 1 << int(rng.integers(7))
        (copy / "card.json").write_bytes(changed)
        with contextlib.suppress(ExportError):
            assert rt.serving.load(copy).card == known  # a space for a line end means the same


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.__setitem__("format", 2), "of format 2, and this version"),
        (lambda c: c["users"].__setitem__("fingerprint", "0" * 64), "do not have the fingerprint"),
        (lambda c: c["items"]["ids"].reverse() or c["items"]["ids"].pop(), "fingerprint"),
        (lambda c: c["model"].__setitem__("class", "os"), "holds a 'os', which this version"),
        (lambda c: c["model"].__setitem__("class", "FoldedUser"), "holds a 'FoldedUser'"),
        (lambda c: c["model"]["settings"].__setitem__("dim", 9), "weights do not fit a BiasedMF"),
        (lambda c: c["model"]["settings"].__setitem__("depth", 9), "weights do not fit a BiasedMF"),
        (lambda c: c["weights"].__setitem__("file", "../x"), "no weights of its own directory"),
    ],
)
def test_a_card_that_does_not_fit_though_it_is_signed(copy, change, says):
    edit_card(copy, change)
    assert says in refused(copy)


@pytest.mark.parametrize("content", ["[]", "{}", "3", '{"format": 1}', "[" * 100_000, "\x00"])
def test_other_json_is_no_card(copy, content):
    (copy / "card.json").write_text(content)
    refused(copy)


def test_another_dataset_is_named(copy, small):
    message = refused(copy, small)
    assert "its users are not those of Dataset 'planted'" in message


def test_pickles_are_not_read(copy):
    """A file that would run code when unpickled is only bytes here."""
    path = weights_of(copy)
    torch.save({"a": torch.ones(2)}, path)
    content = path.read_bytes()
    digest = exporting.hashlib.sha256(content).hexdigest()
    edit_card(copy, lambda c: c["weights"].update(bytes=len(content), sha256=digest))
    assert "the weights cannot be read" in refused(copy)


# ---- writing ------------------------------------------------------------------------------------


def test_a_new_export_takes_the_place_of_the_old(copy, films, film_model):  # noqa: F811
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
def test_an_export_that_fails_leaves_the_old_one(copy, films, fails_at, monkeypatch):  # noqa: F811
    before = {p.name: p.read_bytes() for p in copy.iterdir()}
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == fails_at:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        rt.serving.export(fitted(films, epochs=1, seed=6), films, copy)
    rt.serving.load(copy, films)
    left = {p.name: p.read_bytes() for p in copy.iterdir()}
    assert before.items() <= left.items()


def test_whoever_reads_during_exports_gets_one_whole_model(copy, films, film_model):  # noqa: F811
    other = fitted(films, epochs=1, seed=7)
    known = {tuple(rt.predict(m, films)[:20]) for m in (film_model, other)}
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


def test_the_core_does_without_the_extra(monkeypatch, exported):  # noqa: F811
    from recsys_tutorial.serving import extra

    monkeypatch.setattr(extra.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"extra `serve`.*fastapi.*pip install"):
        extra.require()
    rt.serving.load(exported)
