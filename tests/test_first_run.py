"""The first minute: what the start command shows."""

import re

import pytest

from recsys_workshop import first_run


def test_planted_data_show_a_banner_and_ten_titles(tmp_path, capsys):
    assert first_run.main(["--data-dir", str(tmp_path), "--offline"]) == 0
    out, err = capsys.readouterr()
    assert "PLANTED DATA" in out + err
    for name in ("global mean", "biases only", "popularity", "matrix factorisation"):
        assert name in out
    films = re.findall(r"^ *\d+\. .+ \(\d{4}\)  \[.+\]  [\d.]+ stars$", out, flags=re.MULTILINE)
    assert len(films) == 10


def test_unknown_data_is_one_line(capsys):
    assert first_run.main(["--dataset", "ml-99", "--offline"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Cannot load ml-99")
    assert err.count("\n") == 1


@pytest.mark.real
def test_real_films(ml100k, capsys):
    assert first_run.main([]) == 0
    out = capsys.readouterr().out
    assert "PLANTED" not in out
    table = {
        line[:22].strip(): line[22:].split()
        for line in out.splitlines()
        if line[:22].strip() in ("global mean", "biases only", "matrix factorisation")
    }
    rmse = {name: float(values[0]) for name, values in table.items()}
    assert rmse["matrix factorisation"] < rmse["biases only"] < rmse["global mean"]
    assert float(table["global mean"][2]) == 0.5
    assert len(re.findall(r" \(19\d\d\)  \[", out)) == 10
