"""The Python package against the command and against known answers."""

import json
import math
import subprocess
import sys
from pathlib import Path

import autoscale
import numpy as np
import pytest
from autoscale import command

ROOT = Path(__file__).resolve().parents[2]
RUNS = ROOT / "examples/c/runs.csv"
MIX = {"web": 0.3, "code": 0.5, "books": 0.2}


@pytest.fixture(scope="module")
def law():
    return autoscale.fit(RUNS, "reciprocal-mult", draws=40, threads=1)


def told(*arguments):
    return json.loads(
        subprocess.run([command.path(), *map(str, arguments), "--json"], capture_output=True, check=True).stdout
    )


def test_version_is_one():
    assert autoscale.version() == autoscale.__version__ == told("version")["version"]


def test_read_knows_files_frames_and_dicts():
    from_file = autoscale.read(RUNS)
    assert from_file.domains == ["web", "code", "books"] and len(from_file) == 24
    columns = {"tokens": [1e9, 2e9], "weight_a": [0.25, 0.5], "weight_b": [0.75, 0.5], "loss_x": [3.0, math.nan]}
    columns["loss_y"] = [1.5, 1.25]
    table = autoscale.read(columns)
    assert np.allclose(table.tokens, [[0.25e9, 0.75e9], [1e9, 1e9]])
    assert table.losses[0, 0] == 3 and math.isnan(table.losses[1, 0])
    rows = [{name: values[r] for name, values in columns.items()} for r in range(2)]
    del rows[1]["loss_x"]
    assert np.array_equal(autoscale.read(rows).losses, table.losses, equal_nan=True)
    pandas = pytest.importorskip("pandas")
    assert np.array_equal(autoscale.read(pandas.DataFrame(columns)).tokens, table.tokens)
    indexed = pandas.DataFrame(columns | {"run": ["first", "second"]}).set_index("run")
    assert np.array_equal(autoscale.read(indexed).tokens, table.tokens)
    assert np.array_equal(autoscale.read(pandas.DataFrame(columns).set_index("tokens")).tokens, table.tokens)
    assert np.array_equal(autoscale.read(from_file.frame()).losses, from_file.losses)
    renamed = pandas.DataFrame(columns).rename(columns={"tokens": "seen", "loss_x": "eval/x", "loss_y": "eval/y"})
    assert autoscale.read(renamed, map={"tokens": "seen", "loss": "eval/*"}).targets == ["x", "y"]


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_read_knows_other_frames(library):
    module, columns = pytest.importorskip(library), {"tokens": [1e9, 2e9], "weight_a": [1.0, 1.0], "loss_x": [3.0, None]}
    table = autoscale.read(module.table(columns) if library == "pyarrow" else module.DataFrame(columns))
    assert table.tokens[1, 0] == 2e9 and table.losses[0, 0] == 3 and math.isnan(table.losses[1, 0])


def test_a_law_is_the_commands(law, tmp_path):
    law.save(tmp_path / "law.json")
    again = autoscale.load(tmp_path / "law.json")
    assert again.domains == law.domains and again.predict(MIX, 2e9) == law.predict(MIX, 2e9)
    best = law.optimize("2B", min="5%", max={"code": 0.35})
    by_command = told("optimize", tmp_path / "law.json", "--tokens", "2e9", "--min", ".05", "--max", "code=.35")
    assert best.shares == pytest.approx(by_command["weights"], abs=1e-12)
    assert best.tokens == by_command["tokens"] and sum(best.tokens.values()) == 2_000_000_000
    assert best.gain == pytest.approx(by_command["objective"]["gain"]) and best.p_better == by_command["p_better"]
    assert best.shares["code"] <= 0.35 + 1e-12


def test_what_if_is_the_commands(law, tmp_path):
    law.save(tmp_path / "law.json")
    answer = law.what_if({"uniform": "uniform", "mine": MIX}, 2e9)
    mix = ",".join(f"{d}={w}" for d, w in MIX.items())
    by_command = told("what-if", tmp_path / "law.json", "--tokens", "2e9", "--mix", "uniform", "--mix", mix)
    for m, expected in enumerate(by_command["mixtures"]):
        assert answer.objective[m] == pytest.approx(expected["objective"]["predicted"], abs=1e-12)
        for v, t in enumerate(law.targets):
            assert answer.loss[m, v] == pytest.approx(expected["loss"][t]["predicted"], abs=1e-12)
    difference = by_command["differences"][0]["objective"]
    assert answer.change[1] == pytest.approx(difference["difference"], abs=1e-12)
    assert answer.p_better[1] == pytest.approx(difference["p_better"], abs=1e-12)


def test_what_can_be_shown(law):
    best = law.optimize(2e9)
    for shown in (law, best, best.mixture, law.what_if([MIX], 2e9), autoscale.read(RUNS)):
        assert "<table" in shown._repr_html_() and repr(shown)
    hostile = autoscale.Mixture.of({"<b>x</b>": 0.5, "y": 0.5})
    assert "<b>x" not in hostile._repr_html_()
    pytest.importorskip("pandas")
    assert list(best.frame().index) == law.domains
    assert law.what_if([MIX], 2e9).frame().loc["uniform", "change"] == 0


def test_many_points_at_once(law):
    tokens = np.array([[1e9, 1e9, 1e9], [5e8, 1e9, 2e9]])
    losses = law.losses(tokens)
    assert losses.shape == (2, 3)
    one = law.predict({"web": 1 / 7, "code": 2 / 7, "books": 4 / 7}, 3.5e9)
    assert losses[1] == pytest.approx(list(one.values()))


def test_limits_by_available_tokens(law):
    best = law.optimize(2e9, available={"web": ("400M", 1), "books": 1e12})
    assert best.tokens["web"] <= 400_000_000 and best.epochs["web"] == pytest.approx(best.tokens["web"] / 4e8)


def test_mixtures_are_exported(tmp_path):
    mix = autoscale.Mixture.of(MIX, "1B", paths={"code": "data/code"})
    assert mix.tokens == {"web": 300_000_000, "code": 500_000_000, "books": 200_000_000}
    assert "megatron" in autoscale.trainers()
    assert "data/code" in mix.export("megatron")
    mix.save(tmp_path / "mix.json")
    assert autoscale.export(tmp_path / "mix.json", "csv").splitlines()[-1].startswith("books")
    with pytest.raises(autoscale.InputError, match="megatron"):
        mix.export("megatorn")


def test_the_rule_is_the_commands():
    found = autoscale.predict(ROOT / "examples/optima.csv", "1.6B")
    by_command = told("predict", ROOT / "examples/optima.csv", "--tokens", "1.6e9")
    assert found.shares == pytest.approx(by_command["weights"], abs=1e-9) and found.tokens == by_command["tokens"]
    same = autoscale.predict({2e8: {"a": 0.4, "b": 0.6}, 1e8: {"a": 0.5, "b": 0.5}}, 4e8)
    assert sum(same.tokens.values()) == 400_000_000 and same.shares["a"] < 0.4
    rows = {"tokens": [2e8, 1e8, 2e8], "params": [9, 1, 1], "weight_a": [0.4, 0.5, 0.7], "weight_b": [0.6, 0.5, 0.3]}
    assert autoscale.predict(rows, 4e8).shares == same.shares  # of equal tokens the largest model's


def test_design_and_compare(law):
    runs = autoscale.design(law, tokens="500M", runs=2, for_tokens="5B")
    assert len(runs["runs"]) == 2 and sum(runs["runs"][0]["weights"].values()) == pytest.approx(1)
    assert len(autoscale.design(domains=["a", "b"], tokens=1e9, runs=3)["runs"]) == 3
    assert "<table" in runs._repr_html_()


def test_a_law_has_a_page(law, tmp_path):
    page = law.report(tmp_path / "law.html", tokens="2B", max={"code": 0.4})
    assert '<section id="try">' in Path(page).read_text()


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda law: autoscale.read("nowhere.csv"), "nowhere.csv"),
        (lambda law: autoscale.fit(RUNS, "reciprocal-mul"), "reciprocal-mult"),
        (lambda law: law.optimize(-5), "tokens"),
        (lambda law: law.optimize(1e9, max={"webb": 0.1}), "no domain named 'webb'"),
        (lambda law: law.optimize("lots"), "'lots'"),
        (lambda law: law.optimize(None), "tokens: expected a number .*, found None"),
        (lambda law: law.optimize(1e9, max={"code": "200%"}), r"max: domain 'code': expected a share in \[0, 1\], found 2"),
        (lambda law: law.optimize(1e9, objective="code"), "unknown objective 'code'; did you mean 'target:code'"),
        (lambda law: law.optimize(1e9, objective="wurst"), "unknown objective 'wurst', did you mean 'worst'"),
        (lambda law: autoscale.read(5), "expected a table of runs .*, found int"),
        (lambda law: law.predict({"web": 0.5}, 1e9), "sum to 1"),
        (lambda law: law.optimize(1e9, max=0.1), "0.1|maximum|shares"),
        (lambda law: autoscale.read({"tokens": [1.0], "weight_a": [1.0, 2.0]}), "lengths"),
        (lambda law: autoscale.design("nowhere.json", tokens=1e9), "nowhere"),
        (lambda law: autoscale.Study("nowhere.yaml").plan(), "nowhere.yaml"),
    ],
)
def test_bad_input_is_one_line(law, call, line):
    with pytest.raises(autoscale.InputError, match=line) as raised:
        call(law)
    assert len(str(raised.value).splitlines()) == 1 and isinstance(raised.value, ValueError)


def test_a_study_is_planned(tmp_path):
    (tmp_path / "a.txt").write_text("words of one domain, many times over. " * 4000)
    (tmp_path / "b.txt").write_text("int main(void) { return 0; } /* code */ " * 4000)
    study = tmp_path / "study.yaml"
    study.write_text(
        "domains:\n  - {name: a, train: a.txt}\n  - {name: b, train: b.txt}\nmodel: {layers: 1, heads: 1, width: 16, "
        "context: 32}\ntokenizer: {train: bpe, vocab: 300}\nscales: [2e3, 4e3]\ntarget: {tokens: 8e3, seeds: 1}\n"
    )
    plan = autoscale.Study(study).plan()
    assert plan["tokens"] > 0 and len(plan["runs"]) > 8
    assert "study.db" not in {p.name for p in tmp_path.iterdir()}


def test_the_papers_notebooks_run():
    script = ROOT / "examples/python/paper.py"
    done = subprocess.run([sys.executable, script, ROOT / "examples/python/star.csv"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "1,200,000,000 tokens" in done.stdout and "the AutoScale rule" in done.stdout


def test_the_notebook_shows_what_it_stores():
    script = [sys.executable, ROOT / "scripts/notebook", ROOT / "examples/python/paper.ipynb", "--check"]
    assert "3 cells run, 0 of them" in subprocess.run(script, capture_output=True, text=True, check=True).stdout
