"""docs/your_data.md: every snippet runs, in order, on small files made here."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "your_data.md"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the page reads, as somebody might have them."""
    rng = np.random.default_rng(0)
    n_users, n_items = 80, 40
    taste, kind = rng.normal(size=(n_users, 2)), rng.normal(size=(n_items, 2))
    user, item = np.divmod(rng.choice(n_users * n_items, 1_500, replace=False), n_items)
    liking = (taste[user] * kind[item]).sum(1)
    stars = np.clip(np.rint(3.3 + 0.8 * liking + rng.normal(0, 0.4, len(user))), 1, 5)
    date = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, len(user)), unit="D")
    pairs = pd.DataFrame({"user": user, "item": item + 100})[stars >= 3]
    tables = {
        "ratings": pd.DataFrame(
            {"reader": user, "book": item + 100, "stars": stars, "date": date.strftime("%Y-%m-%d")}
        ),
        "books": pd.DataFrame(
            {"item": range(100, 140), "title": [f"Book {i}" for i in range(40)], "year": 1990}
        ),
        "purchases": pairs,
        "plays": pairs.assign(plays=np.exp(2 + liking[stars >= 3]).astype(int) + 1),
        "clicks": pd.concat([pairs, pairs[::2]]).assign(
            timestamp=lambda t: 1_700_000_000_000 + 1_000 * np.arange(len(t))
        ),
    }
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_snippet_runs(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) >= 8
    names: dict[str, object] = {}
    for snippet in snippets:
        exec(compile(snippet, str(PAGE), "exec"), names)
    shown = capsys.readouterr().out
    before, after = map(float, re.search(r"alone: (\S+) stars, with factors (\S+)", shown).groups())  # type: ignore[union-attr]
    assert after < before
    assert len(names["again"]) == len(names["data"])  # type: ignore[arg-type]
