"""The README's results: rewritten between their marks, from what is recorded, and nothing else."""

import dataclasses
import json
import shutil

import pytest

from jiqa.cli import main
from jiqa.errors import InputError
from jiqa.results import render, summary
from jiqa.results.predictions import write_predictions

HEAD, TAIL = "# Title\n\ntext\n", "\nmore text\n"


def record(folder, tables, command="python -m jiqa.main --config=x.py", **facts):
    """Lays a run down on disk as training does."""
    for i, table in enumerate(tables):
        write_predictions(folder / table.split / "predictions.csv", [table])
        split = {"seed": i, "seconds": 90 + 60 * i, "steps": 500, **facts}
        (folder / table.split / "split.json").write_text(json.dumps(split))
    run = {"command": command, "config": {"protocol": {"kind": "random"}}, "machine": "2 x cpu"}
    (folder / "run.json").write_text(json.dumps(run))


@pytest.fixture
def page(tmp_path):
    """A README with the two marks."""
    path = tmp_path / "README.md"
    path.write_text(f"{HEAD}{render.BEGIN}\nold\n{render.END}{TAIL}")
    return path


def cells(text, start):
    line = next(line for line in text.splitlines() if line.startswith(start))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_only_what_is_between_the_marks_is_rewritten(tmp_path, page, predicted):
    record(tmp_path / "runs" / "a", [predicted()])
    render.update(page, tmp_path / "runs")
    text = page.read_text()
    assert text.startswith(HEAD + render.BEGIN)
    assert text.endswith(render.END + TAIL)
    assert "old" not in text
    render.update(page, tmp_path / "runs")
    assert page.read_text() == text


def test_the_command_rewrites_the_readme(tmp_path, page, predicted):
    record(tmp_path / "runs" / "a", [predicted()])
    command = ["tables", "--results", f"--workdir={tmp_path / 'runs'}", f"--readme={page}"]
    assert main.main(command) == 0
    assert "iqa_nrtl/full" in page.read_text()


def test_every_figure_of_a_run_is_there(tmp_path, page, predicted):
    tables = [predicted(split=f"split{i}", seed=i, n=40 + i) for i in range(3)]
    record(tmp_path / "runs" / "a", tables, command="python -m jiqa.main --config=c.py:splits=3")
    render.update(page, tmp_path / "runs")
    text = page.read_text()
    total = summary.summarise(tables)[0].total
    row = dict(zip(cells(text, "| no."), cells(text, "| 1 "), strict=True))
    assert row == {
        "no.": "1",
        "run": "iqa_nrtl/full",
        "database (score)": "koniq10k (mos)",
        "protocol": "random-90-10-seed0",
        "splits": "median of 3",
        "test images": "40 to 42",
        "SROCC": "{:.3f} [{:.3f}, {:.3f}]".format(*total["srocc"]),
        "PLCC": f"{total['plcc'].value:.3f}",
        "PLCC (logistic)": f"{total['plcc_logistic'].value:.3f}",
        "KROCC": f"{total['krcc'].value:.3f}",
        "RMSE": f"{total['rmse'].value:.3f}",
        "steps": "500",
        "training": "1.5 to 3.5 min",
        "seed": "0 to 2",
    }
    assert "1. `python -m jiqa.main --config=c.py:splits=3` (2 x cpu)" in text


def test_runs_on_the_same_images_are_compared(tmp_path, page, predicted):
    a = predicted(run="ridge", split="seed0")
    b = dataclasses.replace(a, run="iqa_nrtl/full", prediction=a.score + 0.1 * a.prediction)
    record(tmp_path / "runs" / "1_ridge", [a])
    record(tmp_path / "runs" / "2_full", [b])
    record(tmp_path / "runs" / "3_other", [predicted(run="elsewhere", seed=3)])
    render.update(page, tmp_path / "runs")
    _, table = page.read_text().split("koniq10k (mos), random-90-10-seed0, seed 0:\n")
    header, _, *rows = table.partition("<!--")[0].strip().splitlines()
    figures = "{:.3f} [{:.3f}, {:.3f}]".format(*summary.compare([a], [b]))
    assert [cell.strip() for cell in header.strip("|").split("|")] == ["run", "less 2"]
    assert [cell.strip() for row in rows for cell in row.strip("|").split("|")] == [
        "3 ridge",
        figures,
    ]


def test_runs_of_other_machines_stay_on_the_page(tmp_path, page, predicted):
    here, there = tmp_path / "here", tmp_path / "there"
    record(there / "b", [predicted(run="b")], command="python -m jiqa.main --config=b.py")
    record(there / "a", [predicted(run="a", n=30)], command="python -m jiqa.main --config=a.py")
    render.update(page, there)
    before = cells(page.read_text(), "| 2 ")
    record(here / "a", [predicted(run="a", n=50)], command="python -m jiqa.main --config=a.py")
    record(here / "c", [predicted(run="c")], command="python -m jiqa.main --config=c.py")
    render.update(page, here)
    text = page.read_text()
    rows = [cells(text, f"| {number} ") for number in (1, 2, 3)]
    assert [(row[1], row[5]) for row in rows] == [("a", "50"), ("b", "40"), ("c", "40")]
    assert rows[1] == before
    commands = [line for line in text.splitlines() if line[:2] in ("1.", "2.", "3.")]
    assert commands == [
        f"{i}. `python -m jiqa.main --config={n}.py` (2 x cpu)"
        for i, n in enumerate("abc", start=1)
    ]


def test_differences_of_other_machines_stay_with_new_numbers(tmp_path, page, predicted):
    there = [predicted(run=run, n=30, seed=i) for i, run in enumerate("bcd")]
    there = [dataclasses.replace(t, id=there[0].id, score=there[0].score) for t in there]
    for table in there:
        record(tmp_path / "there" / table.run, [table], command=f"python --config={table.run}.py")
    render.update(page, tmp_path / "there")
    less_b = cells(page.read_text(), "| 3 d ")[1]
    again = dataclasses.replace(there[1], prediction=there[1].prediction[::-1])
    record(tmp_path / "here" / "c", [again], command="python --config=c.py")
    record(tmp_path / "here" / "a", [predicted(run="a")], command="python --config=a.py")
    render.update(page, tmp_path / "here")
    _, differences = page.read_text().split("random-90-10-seed0, seed 0:\n")
    assert cells(differences, "| run ") == ["run", "less 2"]
    assert [cells(row, "") for row in differences.strip().splitlines()[2:3]] == [["4 d", less_b]]
    assert differences.count("\n|") == 3
    text = page.read_text()
    render.update(page, tmp_path / "here")
    assert page.read_text() == text


def test_restorers_of_another_machine_stay_on_the_page(tmp_path, page, predicted):
    record(tmp_path / "a", [predicted(run="a")])
    kept = f"\n{render.RESTORERS}\n\n| restorer |\n| --- |\n| other |\n\n1. `command`\n"
    page.write_text(page.read_text().replace("old\n", kept))
    render.update(page, tmp_path / "a")
    assert kept in page.read_text()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("1. `python", "`python", "found row '1' of 14 cells, expected 14 and a command"),
        ("| 1 ", "| 1 | ", "found row '1' of 15 cells, expected 14 and a command"),
        ("less 1", "less 7", "differences of koniq10k .mos., random.*: expected rows"),
        (
            "| 2 other",
            "| other",
            "differences of koniq10k .mos., random.*: expected rows",
        ),
        ("| SROCC", "| SRCC", "found columns no., run.*SRCC.*, expected no., run.*SROCC"),
    ],
)
def test_a_page_that_is_not_ours_is_refused(tmp_path, page, predicted, old, new, says):
    for run in ("a", "other"):
        command = f"python -m jiqa.main --{run}"
        record(tmp_path / "there" / run, [predicted(run=run)], command=command)
    render.update(page, tmp_path / "there")
    page.write_text(page.read_text().replace(old, new, 1))
    before = page.read_text()
    record(tmp_path / "here" / "b", [predicted(run="b")], command="python -m jiqa.main --b")
    with pytest.raises(InputError, match=says):
        render.update(page, tmp_path / "here")
    assert page.read_text() == before


def test_a_pseudo_score_is_explained_where_it_is_used(tmp_path, page, predicted):
    record(tmp_path / "runs" / "a", [predicted()])
    render.update(page, tmp_path / "runs")
    assert "pseudo" not in page.read_text()
    record(tmp_path / "runs" / "b", [predicted(database="pocket", score_name="pseudo_mos")])
    render.update(page, tmp_path / "runs")
    assert "pocket (pseudo_mos)" in page.read_text()
    assert "A pseudo score is computed by a full-reference measure" in page.read_text()


def test_recorded_restorers_have_a_table_of_their_own(tmp_path, page, predicted):
    record(tmp_path / "runs" / "a", [predicted()])
    render.update(page, tmp_path / "runs")
    assert "held out" not in page.read_text()
    stage = tmp_path / "runs" / "stages" / "restore-0"
    stage.mkdir(parents=True)
    (stage / "restored.csv").write_text(
        "id,content_id,distortion,level,psnr,ssim,restored_psnr,restored_ssim,map_correlation\n"
        "a_1,a,jpeg,1,30,0.9,32,0.95,0.5\n"
    )
    facts = {"command": "python -m x", "steps": 7, "model": {}, "fit": {"ssim_weight": 0.0}}
    (stage / "stage.json").write_text(json.dumps(facts))
    render.update(page, tmp_path / "runs")
    text = page.read_text()
    assert "Photographs held out" in text
    assert "32.00" in text


def test_a_run_without_steps_says_so(tmp_path, page, predicted):
    record(tmp_path / "runs" / "a", [predicted()])
    (tmp_path / "runs/a/split0/split.json").write_text('{"seed": 3, "seconds": 30}')
    render.update(page, tmp_path / "runs")
    row = dict(zip(cells(page.read_text(), "| no."), cells(page.read_text(), "| 1 "), strict=True))
    assert (row["steps"], row["training"], row["seed"]) == ("none", "0.5 min", "3")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d: (d / "README.md").unlink(), "README.md: no such file"),
        (lambda d: (d / "README.md").write_text("no marks"), "expected the marks <!-- results:beg"),
        (lambda d: shutil.rmtree(d / "runs" / "a"), "runs: no run.json in it"),
        (lambda d: (d / "runs/a/split0/predictions.csv").unlink(), "a: no predictions.csv"),
        (lambda d: (d / "runs/a/split0/split.json").unlink(), "split.json: not a readable JSON"),
        (lambda d: (d / "runs/a/run.json").write_text("{"), "run.json: not a readable JSON"),
        (lambda d: (d / "runs/a/run.json").write_text("{}"), "run.json: no command, expected"),
        (lambda d: (d / "runs/a/split0/split.json").write_text('{"seed": 1}'), "no seconds"),
    ],
)
def test_what_is_missing_is_named_and_the_readme_kept(tmp_path, page, predicted, spoil, says):
    record(tmp_path / "runs" / "a", [predicted()])
    spoil(tmp_path)
    before = page.read_text() if page.exists() else None
    with pytest.raises(InputError, match=says):
        render.update(page, tmp_path / "runs")
    assert before == (page.read_text() if page.exists() else None)
