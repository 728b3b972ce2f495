"""The first minute: what the start command shows."""

import re

import pytest

from recsys_workshop import first_run

FILM = re.compile(r"^ *★+☆* [\d.]+ +\S.* \(\d{4}\)  +\S", flags=re.MULTILINE)


def numbers(out: str) -> dict[str, float]:
    """What the tables say: the name of a row to its number."""
    rows = re.findall(r"^  (\S.*?) {2,}(\d\.\d{3})$", out, flags=re.MULTILINE)
    return {name: float(number) for name, number in rows}


def test_planted_data_show_a_banner_and_ten_titles(tmp_path, capsys):
    assert first_run.main(["--data-dir", str(tmp_path), "--offline"]) == 0
    out, err = capsys.readouterr()
    assert "PLANTED DATA" in out + err
    assert {"the mean for everybody", "most rated films"} <= set(numbers(out))
    assert len(FILM.findall(out.partition("Ten recommendations")[2])) == 10


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
    found = numbers(out)
    assert found["matrix factorisation"] < found["biases only"] < found["the mean for everybody"]
    assert found["model trained for lists"] > 1.9 * found["most rated films"]
    hits = re.search(r"went on to like ([\d.]+) on .* rated films (\d+\.\d)", out)
    assert float(hits[1]) > 1.7 * float(hits[2])
    ten = out.partition("Ten recommendations")[2]
    assert len(FILM.findall(ten)) == 10
    assert "nan" not in ten.lower()
