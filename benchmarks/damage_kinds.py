"""One small file of every kind that the library reads, for `benchmarks/damage.py` to damage."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import recsys_tutorial as rt
from recsys_tutorial import serving
from recsys_tutorial.datasets import (
    Dataset,
    DataUnavailable,
    archive,
    columns,
    movielens,
    sources,
    text,
)
from recsys_tutorial.datasets.archive import ArchiveError, Member
from recsys_tutorial.datasets.catalogue import Archive, Layout, Source
from recsys_tutorial.datasets.movielens import ParseError
from recsys_tutorial.models import BiasedMF
from recsys_tutorial.training import checkpoint
from recsys_workshop import local, results
from recsys_workshop.pages import Page


class Refused(Exception):
    """The reader said in a line that the file is damaged, and went on without."""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    read    : its content in short
    refuses : the errors that say that it is damaged
    summed  : it carries a checksum, so other content must never come out
    """

    name: str
    path: Path
    read: Callable[[], Any]
    refuses: tuple[type[BaseException], ...]
    summed: bool = True


def small() -> Dataset:
    """Planted data whose files have some kilobytes."""
    return rt.datasets.planted(n_users=40, n_items=30, n_ratings=500)


def kinds(folder: Path) -> list[Kind]:
    """One file of every kind that is read, small, in `folder`."""
    data = small()
    return [*_models(folder, data), *_tables(folder, data), *_own(folder), *_archives(folder)]


def _models(folder: Path, data: Any) -> list[Kind]:
    run = folder / "run"
    model = BiasedMF.for_dataset(data)
    rt.fit(model, data, epochs=1, checkpoint_dir=run, progress=False)
    settings = checkpoint.read(run / "last.pt")["run"]
    export = serving.export(model, data, folder / "export")
    state = folder / "state"
    page = Page("03_interpretation")
    page.__dict__.update(data=data, _parts=(data, data, data))
    with patch.dict(os.environ, {local.STATE: str(state)}):
        kept = page.save(model, "kept")
    assert kept is not None

    def of_page() -> Any:
        with patch.dict(os.environ, {local.STATE: str(state)}):
            found = _unless_it_says("passed over", lambda: page.load("kept"))
        return None if found is None else (_bytes(found.state_dict()), found.predicts)

    def of_export() -> Any:
        exported = serving.load(export)
        return _bytes(exported.model.state_dict()), exported.card, _bytes(vars(exported.seen))

    def of_run() -> Any:
        content = checkpoint.load(run / "last.pt", settings)
        return _bytes(content["model"]), content["epoch"], content["rows"]

    weights = next(export.glob("weights-*.safetensors"))
    return [
        Kind("checkpoint", run / "last.pt", of_run, (ValueError,)),
        Kind("kept model", kept, of_page, (Refused,)),
        Kind("card of an export", export / "card.json", of_export, (serving.ExportError,)),
        Kind("weights of an export", weights, of_export, (serving.ExportError,)),
    ]


def _tables(folder: Path, data: Any) -> list[Kind]:
    place = folder / "kept"
    data.save(place)

    def read() -> Any:
        kept = rt.datasets.open(place)
        table = kept.ratings.to_csv() + kept.items.to_csv() + kept.users.to_csv()
        return table, kept.name, kept.source, kept.scale, kept.implicit, str(vars(kept.truth))

    refuses = (columns.ColumnsDamaged,)
    return [
        Kind(f"columns, {path.stem.partition('-')[0]}{path.suffix}", path, read, refuses)
        for path in sorted(place.iterdir())
        if not path.name.startswith(("item", "timestamp", "weight"))  # as user and rating
    ]


def _own(folder: Path) -> list[Kind]:
    state = folder / "own"
    rows = [{"item": i, "title": "Nîmes (1990)", "rating": 1 + i % 5} for i in range(20)]
    content = {"ml-100k": rows}
    with patch.dict(os.environ, {local.STATE: str(state)}):
        local.write_json("me.json", content)

    def read() -> Any:
        with patch.dict(os.environ, {local.STATE: str(state)}):
            return _unless_it_says("damaged", lambda: local.read_json("me.json", lambda _: True))

    entries = {"rmse": {"value": 0.93, "unit": "stars"}}
    ledger = folder / "results.json"
    ledger.write_text(results.sealed({"pages": {"02": entries}}))
    return [
        Kind("ratings and progress", state / "me.json", read, (Refused,)),
        Kind(
            "ledger",
            ledger,
            lambda: results.ledger("02", "rmse", path=ledger).record,
            (ValueError,),
        ),
    ]


def _archives(folder: Path) -> list[Kind]:
    csv = {
        "ratings.csv": b"userId,movieId,rating,timestamp\r\n1,1,4.0,964982703\r\n2,5,0.5,96498\r\n",
        "movies.csv": 'movieId,title,genres\r\n1,Toy Story (1995),Animation|Comedy\r\n5,"Cité, La '
        '(1995)",(no genres listed)\r\n'.encode(),
    }
    ml100k = {
        "u.data": b"1\t1\t4\t964982703\n2\t5\t1\t96498\n",
        "u.item": b"".join(
            b"%d|%s|01-Jan-1995||http://a.example/|%s\n" % (i, t, b"|".join([b"0"] * 18 + [b"1"]))
            for i, t in ((1, b"Toy Story (1995)"), (5, b"Cit\xe9, La (1995)"))
        ),
        "u.user": b"1|24|M|technician|85711\n2|53|F|other|T8H1N\n",
    }
    ml1m = {
        "ratings.dat": b"1::1::4::964982703\n2::5::1::96498\n",
        "users.dat": b"1::F::1::10::48067\n2::M::56::16::70072\n",
        "movies.dat": b"1::Toy Story (1995)::Animation|Comedy\n5::Cit\xe9, La (1995)::Drama\n",
    }
    recbole = {
        "ml-100k.inter": b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        b"1\t1\t4\t964982703\n2\t5\t1\t96498\n",
        "ml-100k.item": b"item_id:token\tmovie_title:token_seq\trelease_year:token\t"
        b"class:token_seq\n1\tToy Story\t1995\tAnimation Comedy\n5\tCite, La\t1995\tDrama\n",
        "ml-100k.user": b"user_id:token\tage:token\tgender:token\toccupation:token\t"
        b"zip_code:token\n1\t24\tM\ttechnician\t85711\n2\t53\tF\tother\tT8H1N\n",
    }
    found = []
    for name, suffix in (("archive", ".zip"), ("wheel", ".whl")):
        path = folder / f"{name}{suffix}"
        path.write_bytes(_zipped("folder", csv))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        members = tuple(Member(one, 10_000) for one in csv)
        layout = Layout("folder", members, movielens.parse_csv)
        one = Archive(path.name, digest, 10**6, layout)
        source = Source(name, (one,), (2, 2, 2), "")
        found.append(Kind(name, path, partial(_loaded, source, path), (DataUnavailable,)))
        unpinned = path.with_stem(f"{name}-without-a-pin")
        unpinned.write_bytes(path.read_bytes())
        read = partial(archive.read_zip, unpinned, "folder", members)
        found.append(Kind(f"{name} without a pin", unpinned, read, (ArchiveError,)))
    for parse, files in (
        (movielens.parse_csv, csv),
        (movielens.parse_ml100k, ml100k),
        (movielens.parse_ml1m, ml1m),
        (movielens.parse_recbole, recbole),
    ):
        for name, content in files.items():
            path = folder / name
            path.write_bytes(content)
            read = partial(_parsed, parse, files, path)
            found.append(Kind(name, path, read, (ParseError,), summed=False))
    words = folder / "words.json"
    entry = {"pos": [{"definitions": [{"text": "To give up.", "examples": ["He gave up."]}]}]}
    words.write_text(json.dumps({"abandon": entry}))
    read = partial(_words, words)
    return [*found, Kind("dictionary", words, read, (ValueError,), summed=False)]


def _zipped(folder: str, files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(f"{folder}/{name}", content)
    return buffer.getvalue()


def _loaded(source: Source, path: Path) -> Any:
    with patch.dict(sources.SOURCES, {source.name: source}):
        data = sources.load(source.name, data_dir=path, offline=True)
    return data.ratings.to_csv(), data.items.to_csv()


def _parsed(parse: movielens.Parser, files: Mapping[str, bytes], path: Path) -> Any:
    tables = parse({**files, path.name: path.read_bytes()})
    return [t.to_csv() for t in (tables.ratings, tables.users, tables.items) if t is not None]


def _words(path: Path) -> Any:
    return text.parse(path.read_bytes())


def _bytes(tables: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    return [(name, np.asarray(table).tobytes()) for name, table in tables.items()]


def _unless_it_says(word: str, read: Callable[[], Any]) -> Any:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        found = read()
    if found is None and word in said.getvalue() and said.getvalue().count("\n") == 1:
        raise Refused(said.getvalue())
    return found
