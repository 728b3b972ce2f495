"""The ledger holds real figures of the present settings, and the gates hold on real folds."""

import importlib
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import __main__ as command_line
from benchmarks import (
    accuracy,
    bayesian,
    evaluation,
    ledger,
    pages,
    ranking,
    report,
    scale,
    sequences,
    speed,
    training,
    training_worker,
)


@pytest.mark.parametrize("what", ["accuracy", "bayesian", "sequences", "peers"])
def test_the_ledger_belongs_to_the_present_settings(what):
    """After a change of defaults or trials: python -m benchmarks WHAT --write."""
    settings = importlib.import_module(f"benchmarks.{what}").settings()
    kept = ledger.read()["benchmarks"][what]["settings"]
    assert kept == json.loads(json.dumps(settings))


@pytest.mark.parametrize("module", [bayesian, sequences])
def test_the_gates_hold_in_the_ledger(module):
    kept = ledger.read()["benchmarks"][module.__name__.removeprefix("benchmarks.")]
    assert [text for text, holds in module.gates(kept) if not holds] == []


def test_sampling_beats_each_best_guess_and_trials_are_equal():
    kept = ledger.read()
    levels, guesses = (kept["pages"]["13"][key]["rows"] for key in ("levels", "guesses"))
    for level, name in (("ids", "BiasedMF"), ("histories", "SVDpp, features")):
        pairs = zip(levels[level]["rmse_folds"], guesses[name]["rmse_folds"], strict=True)
        assert all(drawn < best for drawn, best in pairs)
    models = kept["benchmarks"]["sequences"]["models"]
    assert {len(row["tried"]) for row in models.values()} == {6}


def test_every_section_says_where_it_was_measured():
    for name, section in ledger.read()["benchmarks"].items():
        assert section["data"] == ("planted" if name.startswith("planted") else "ml-100k"), name
        assert section["machine"]["versions"]["torch"], name
        assert section["machine"]["torch_threads"] == 1, name


def test_the_page_of_numbers_is_made_from_the_ledger(tmp_path):
    """Otherwise: python -m benchmarks.report."""
    page = tmp_path / "benchmarks.md"
    report.write(ledger.read(), page)
    text = page.read_text("utf-8")
    assert text == report.PAGE.read_text("utf-8")
    plots = {plot.name for plot in (tmp_path / "benchmarks").iterdir()}
    assert plots == {plot.name for plot in report.PAGE.with_suffix("").iterdir()}
    assert set(re.findall(r"!\[.{20,}\]\(benchmarks/(.+)\)", text)) == plots
    sections = text.split("\n## ")[1:]
    assert len(sections) == len(ledger.read()["benchmarks"])
    for section in sections:
        assert re.search(r"cores, torch threads: 1; .*torch \d", section), section[:60]
        rows = [line for line in section.splitlines() if line.startswith("| ")]
        labels = [row.split(" | ")[0] for row in rows if not row.startswith("| what ")]
        assert len(labels) == len(set(labels)) or "five folds" in section, section[:40]
        assert labels, section[:40]


def test_a_spread_is_beside_its_number():
    row = report.flattened({"took": 0.5, "took_range": [0.4, 0.625], "rmse": 0.9, "rmse_sd": 0.01,
                            "to": None, "best": {"seconds": 2.0, "range": [1.0, 3.0]}})  # fmt: skip
    assert report._cell(row, "took") == "0.5000 (0.4000 to 0.6250)"
    assert report._cell(row, "rmse") == "0.9000 ± 0.0100"
    assert report._cell(row, "best: seconds") == "2.00 (1.00 to 3.00)"
    assert report._cell(row, "to: seconds") == ""
    assert report._cell({"again": []}, "again") == "same bits"
    assert report._cell({"again": ["predictions"]}, "again") == "['predictions']"


def test_planted_data_stands_under_planted_names_alone(small, monkeypatch, tmp_path):
    monkeypatch.setattr(ledger, "PATH", tmp_path / "results.json")
    real = replace(small, truth=None, name="ml-100k")
    ways = [lambda name, data: ledger.write(name, ledger.record({"value": 1}, data), data)]
    ways.append(lambda name, data: ledger.write_page("19", {name: {"value": 1}}, data))
    for write in ways:
        for name, data in (("accuracy", small), ("planted_growth", real)):
            with pytest.raises(ValueError, match=f"'{name}' cannot take figures"):
                write(name, data)
        assert not ledger.PATH.exists()
    for write in ways:
        write("planted_growth", small)
    kept = ledger.read()
    assert kept["benchmarks"]["planted_growth"]["data"] == "planted"
    assert kept["pages"]["19"]["planted_growth"]["data"] == "planted"


def test_each_benchmark_measures_judges_and_is_shown():
    for what in (*command_line.GATES, *command_line.OTHERS):
        module = importlib.import_module(f"benchmarks.{what}")
        assert module.compare
        assert module.gates
        assert hasattr(module, "page_entries") == (what in command_line.QUOTED)
        assert what in report.SECTIONS or f"planted_{what}" in report.SECTIONS


def test_the_command_line_prints_what_holds_and_writes_when_told(
    small, monkeypatch, capsys, tmp_path
):
    kept = ledger.read()
    monkeypatch.setattr(ledger, "PATH", tmp_path / "results.json")
    monkeypatch.setattr(report, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(report.write, "__defaults__", (tmp_path / "benchmarks.md",))
    monkeypatch.setattr(pages, "compare", lambda data: kept["benchmarks"]["pages"])
    real = replace(small, truth=None, name="ml-100k")
    monkeypatch.setattr(command_line.rt.datasets, "load", lambda name: real)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "pages", "--write"])
    assert command_line.main() == 0
    assert "holds  the slowest page" in capsys.readouterr().out
    assert ledger.read()["benchmarks"].keys() == {"pages"}
    assert "## Every page" in (tmp_path / "benchmarks.md").read_text()


def test_gates_can_fail():
    bad = {"gain": 0.01, "rmse": 0.93, "fit_seconds": 11.0}
    folds = dict.fromkeys(accuracy.CONTENDERS, bad)
    folds["DeepMF"] = {**bad, "rmse": 0.933}
    folds["Surprise SVD, tuned"] = {"gain": 0.03, "rmse": 0.91, "fit_seconds": 1.0}
    verdicts = [holds for _, holds in accuracy.gates({"folds": folds})]
    promises = [p for c in accuracy.CONTENDERS.values() for p in (c.gain, c.seconds)]
    assert verdicts == [False] * (sum(p is not None for p in promises) + 4)
    level = {"rmse": 0.9, "inside": 0.87}
    poor = {"levels": dict.fromkeys(bayesian.LEVELS, level), "myfm": {"times": 0.61}}
    assert [holds for _, holds in bayesian.gates(poor)] == [False] * 9
    assert not ranking.gates({"times": 39, "evaluate_seconds": 1, "sklearn_seconds": 39})[0][1]
    slow = {"times_at_1024": 7, "times_at_best": 39}
    assert not any(holds for _, holds in speed.gates({**slow, "overhead": 0.11}))


def test_growth_of_a_small_size(small):
    """As for 25 million ratings: planted, saved, mapped and trained on in processes."""
    sizes = scale.Size(5_000, 150, 60, 8, 300), scale.Size(20_000, 600, 120, 8, 300)
    result = scale.compare(small, sizes)
    first, large = result["sizes"]
    assert (first["rows"], large["rows"]) == (4_900, 19_600)
    for row in result["sizes"]:
        assert row["cpu_seconds"] > 0
        assert 0.3 < row["floor"] < 0.5  # the noise is 0.4
        assert 0 < row["above_floor"] < 0.5
    bad = {**large, "ratings_a_cpu_second": 1.9e6, "peak_gib": 2.6, "above_floor": 0.011}
    bad["make_peak_gib"] = 2.6
    grown = {"sizes": [first, first, bad], "exponent": 1.21, "times_a_rating": 2.1}
    assert [holds for _, holds in scale.gates(grown)] == [False] * 6


def test_the_earlier_loop_learns_the_same_model(small):
    """A comparison with a loop that does not train would be no comparison."""
    model, epoch = speed.earlier_loop(small, batch_size=64)
    before = model.p.weight.detach().clone()
    epoch()
    assert not before.equal(model.p.weight)


def test_nearness_to_plain_torch_is_a_share_of_the_same_rows(small, monkeypatch):
    monkeypatch.setattr(speed, "ROUNDS", -3)  # one round
    near = speed.near_the_bound(small, batch_size=128, epochs=1)
    ratio = near["fit_per_cpu_second"] / near["plain_per_cpu_second"]
    assert near["share"] == pytest.approx(ratio, rel=0.01)
    assert 0 < sum(near["operations"].values()) <= 1


@pytest.mark.real
@pytest.mark.slow
def test_gain_over_biases_only_on_the_official_folds(ml100k):
    # One of the five keeps the test short; `python -m benchmarks gates` asks all of them.
    folds = accuracy.on_folds(ml100k, first=1)
    gates = [
        (text, holds) for text, holds in accuracy.gates({"folds": folds}) if "time" not in text
    ]
    assert all(holds for _, holds in gates), gates
    recorded = ledger.read()["benchmarks"]["accuracy"]["folds"]["BiasedMF"]["rmse_folds"][:1]
    assert folds["BiasedMF"]["rmse_folds"] == pytest.approx(recorded, abs=0.002)


@pytest.mark.real
@pytest.mark.slow
def test_evaluate_agrees_with_scikit_learn_on_real_data(ml100k):
    assert ranking.compare(ml100k)["times"] > 1  # raises where the two disagree


def test_evaluation_is_measured_in_a_process_of_its_own_and_agrees_with_the_loop(small):
    size = evaluation.Size(60, 200, 3_000)
    result = evaluation.compare(small, (size,))
    (line,) = result["lines"]  # it raises where the loop over users says something else
    assert line["users"] >= line["ranked_users"] > 0
    assert line["loop_seconds"] > 0
    assert [holds for _, holds in evaluation.gates(result)][:2] == [True, True]
    slow = {**line, "ndcg_seconds": 61, "auc_seconds": 301, "peak_gib": 2.1}
    assert not any(holds for _, holds in evaluation.gates({"lines": [slow]}))


class TestTraining:
    def test_each_way_of_our_own_learns_and_is_timed(self, small):
        train, valid, _ = small.split("random", seed=42)
        rows = training_worker.Rows(
            train.user, train.item, train.rating, valid.user, valid.item, valid.rating
        )
        found = {
            name: training_worker.measure(name, rows, epochs=(1, 6))
            for name in ("this library", "bare torch loop", "earlier tutorials' loop")
        }
        for name, one in found.items():
            first, last = one["runs"]
            assert name == "earlier tutorials' loop" or last["rmse"] < first["rmse"]
            assert 0.5 < last["rmse"] < 2.5  # the earlier loop learns so few rows by heart
            assert first["cpu"] > 0
        ours, bare = (found[n]["runs"][-1]["rmse"] for n in ("this library", "bare torch loop"))
        assert ours == pytest.approx(bare, abs=1e-4)  # the very same training

    def test_the_shortest_run_that_reaches_the_target_counts(self):
        def one(*seconds):
            rmse = (0.95, training.TARGET - 0.001, training.TARGET - 0.005)
            runs = [
                {"epochs": 5 * (k + 1), "rmse": r, "cpu": s}
                for k, (r, s) in enumerate(zip(rmse, seconds, strict=True))
            ]
            return {"runs": runs, "mib": 1.0, "peak_mib": 9.0, "versions": {"peer": "1"}}

        found = training.summary([one(1, 2, 9), one(1, 4, 9), one(1, 3, 10)], 100)
        assert (found["to_target"]["epochs"], found["to_target"]["seconds"]) == (10, 3)
        assert found["to_target"]["range"] == [2, 4]
        assert found["best"]["epochs"] == 15
        assert found["samples_per_second"] == pytest.approx(100 * 15 / 9)
        never = training.summary([{**one(1, 2, 3), "runs": one(1, 2, 3)["runs"][:1]}], 100)
        assert never["to_target"] is None

    def test_a_peer_that_is_not_installed_is_named(self, small, monkeypatch):
        monkeypatch.setattr(training, "WAYS", ["no such way"])
        result = training.compare(small, rounds=2)
        assert result["absent"] == {"no such way": "KeyError: 'no such way'"}
        assert result["ways"] == {}


def test_every_page_is_within_its_budget_and_one_that_is_not_is_named(small, monkeypatch):
    monkeypatch.setattr(pages, "ROUNDS", 1)
    result = pages.compare(small)
    assert all(holds for text, holds in pages.gates(result) if not text.startswith("the import"))
    result["pages"]["02_mf_follow_along"] |= {"seconds": 121, "peak_mib": 1025}
    slow, large, *_ = pages.gates(result)
    assert not slow[1]
    assert not large[1]
    assert "02_mf_follow_along" in slow[0]
    assert "02_mf_follow_along" in large[0]


def test_page_19_quotes_the_largest_sizes_that_were_measured():
    line = {"ndcg_seconds": 1.0, "auc_seconds": 2.0, "ratings": 10}
    lines = [line, {"ndcg_seconds": 30.0, "auc_seconds": 40.0, "ratings": 500}]
    sizes = [{"cpu_seconds": 9.0, "epochs": 3, "peak_gib": 1.0, "rows": 450}]
    sections = {
        "accuracy": {},
        "planted_evaluation": {"lines": lines, "machine": "one"},
        "planted_scale": {"sizes": sizes, "machine": "other"},
    }
    entries = evaluation.page_entries(sections)
    assert {k: (e["value"], e["ratings"], e["machine"]) for k, e in entries.items()} == {
        "planted_ndcg_seconds": (30.0, 500, "one"),
        "planted_auc_seconds": (40.0, 500, "one"),
        "planted_epoch_seconds": (3.0, 450, "other"),
        "planted_peak_gib": (1.0, 450, "other"),
    }
    assert evaluation.page_entries({}) == {}
