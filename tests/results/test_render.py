"""Pages rendered between their marks from the record of runs, and nothing else of them."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from jiqa.cli import main
from jiqa.errors import InputError
from jiqa.results import collect, pages, record, render, summary
from jiqa.results.predictions import write_predictions

ROOT = Path(__file__).resolve().parent.parent.parent
HEAD, TAIL = "# Title\n\ntext\n", "\nmore text\n"
PARTS = ("results", "differences", "restorers")


def marks(*names):
    """Marks with old text between them."""
    return "\nbetween\n".join(f"<!-- {n}:begin -->\nold\n<!-- {n}:end -->" for n in names)


def publish(page, workdir):
    """Adds the runs in a folder to the record beside the page, and renders the page."""
    new = [*collect.runs(workdir), *collect.restorers(workdir)]
    pages.publish(new, page.with_name("runs.jsonl"), page)


def lay_down(folder, tables, command="python -m jiqa.main --config=x.py", **facts):
    """Lays a run down on disk as training does."""
    for i, table in enumerate(tables):
        write_predictions(folder / table.split / "predictions.csv", [table])
        split = {"seed": i, "seconds": 90 + 60 * i, "steps": 500, **facts}
        (folder / table.split / "split.json").write_text(json.dumps(split))
    run = {"command": command, "config": {"protocol": {"kind": "random"}}, "machine": "2 x cpu"}
    (folder / "run.json").write_text(json.dumps(run))


@pytest.fixture
def page(tmp_path):
    """A README with the marks of runs, differences and restorers."""
    path = tmp_path / "README.md"
    path.write_text(HEAD + marks(*PARTS) + TAIL)
    return path


def cells(text, start):
    line = next(line for line in text.splitlines() if line.startswith(start))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_only_what_is_between_the_marks_is_rewritten(tmp_path, page, predicted):
    lay_down(tmp_path / "runs" / "a", [predicted()])
    publish(page, tmp_path / "runs")
    text = page.read_text()
    assert text.startswith(HEAD + "<!-- results:begin -->\n\n| no.")
    assert text.endswith("<!-- restorers:end -->" + TAIL)
    assert text.count("\nbetween\n") == 2
    assert "old" not in text
    publish(page, tmp_path / "runs")
    assert page.read_text() == text


def test_the_command_rewrites_the_readme(tmp_path, page, predicted):
    lay_down(tmp_path / "runs" / "a", [predicted()])
    command = ["tables", "--results", f"--workdir={tmp_path / 'runs'}", f"--readme={page}"]
    command.append(f"--record={tmp_path / 'record.jsonl'}")
    assert main.main(command) == 0
    assert "iqa_nrtl/full" in page.read_text()


def test_every_figure_of_a_run_is_there(tmp_path, page, predicted):
    tables = [predicted(split=f"split{i}", seed=i, n=40 + i) for i in range(3)]
    lay_down(tmp_path / "runs" / "a", tables, command="python -m jiqa.main --config=c.py:splits=3")
    publish(page, tmp_path / "runs")
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
        "epochs": "-",
        "training": "1.5 to 3.5 min",
        "seed": "0 to 2",
    }
    assert "1. `python -m jiqa.main --config=c.py:splits=3` (2 x cpu)" in text


def test_runs_on_the_same_images_are_compared(tmp_path, page, predicted):
    a = predicted(run="ridge", split="seed0")
    b = dataclasses.replace(a, run="iqa_nrtl/full", prediction=a.score + 0.1 * a.prediction)
    lay_down(tmp_path / "runs" / "1_ridge", [a])
    lay_down(tmp_path / "runs" / "2_full", [b])
    lay_down(tmp_path / "runs" / "3_other", [predicted(run="elsewhere", seed=3)])
    publish(page, tmp_path / "runs")
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
    lay_down(there / "b", [predicted(run="b")], command="python -m jiqa.main --config=b.py")
    lay_down(there / "a", [predicted(run="a", n=30)], command="python -m jiqa.main --config=a.py")
    publish(page, there)
    before = cells(page.read_text(), "| 2 ")
    lay_down(here / "a", [predicted(run="a", n=50)], command="python -m jiqa.main --config=a.py")
    lay_down(here / "c", [predicted(run="c")], command="python -m jiqa.main --config=c.py")
    publish(page, here)
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
        lay_down(tmp_path / "there" / table.run, [table], command=f"python --config={table.run}.py")
    publish(page, tmp_path / "there")
    less_b = cells(page.read_text(), "| 3 d ")[1]
    again = dataclasses.replace(there[1], prediction=there[1].prediction[::-1])
    lay_down(tmp_path / "here" / "c", [again], command="python --config=c.py")
    lay_down(tmp_path / "here" / "a", [predicted(run="a")], command="python --config=a.py")
    publish(page, tmp_path / "here")
    _, differences = page.read_text().split("random-90-10-seed0, seed 0:\n")
    b, _, d = ([table] for table in there)
    less = [
        "{:.3f} [{:.3f}, {:.3f}]".format(*summary.compare(*pair))
        for pair in (([again], b), (d, [again]))
    ]
    assert cells(differences, "| run ") == ["run", "less 2", "less 3"]
    assert cells(differences, "| 3 c ") == ["3 c", less[0], ""]
    assert cells(differences, "| 4 d ") == ["4 d", less_b, less[1]]
    text = page.read_text()
    publish(page, tmp_path / "here")
    assert page.read_text() == text


def restorer(runs, name="restore-0", **facts):
    """Lays a restorer down on disk as training does."""
    stage = runs / "stages" / name
    stage.mkdir(parents=True)
    (stage / "restored.csv").write_text(
        "id,content_id,distortion,level,psnr,ssim,restored_psnr,restored_ssim,map_correlation\n"
        "a_1,a,jpeg,1,30,0.9,32,0.95,0.5\n"
    )
    facts = {"command": "x", "steps": 7, "model": {}, "fit": {"ssim_weight": 0.0}, **facts}
    (stage / "stage.json").write_text(json.dumps(facts))


def test_restorers_of_another_machine_stay_on_the_page(tmp_path, page, predicted):
    lay_down(tmp_path / "here" / "a", [predicted(run="a")])
    lay_down(tmp_path / "there" / "a", [predicted(run="a")])
    restorer(tmp_path / "there", command="there")
    publish(page, tmp_path / "there")
    publish(page, tmp_path / "here")
    assert "multitask (1)" in page.read_text()
    restorer(tmp_path / "here", command="here")
    publish(page, tmp_path / "here")
    text = page.read_text()
    assert ("1. `here`" in text, "2. `there`" in text) == (True, True)


def test_a_pseudo_score_is_explained_where_it_is_used(tmp_path, page, predicted):
    lay_down(tmp_path / "runs" / "a", [predicted()])
    publish(page, tmp_path / "runs")
    assert "pseudo" not in page.read_text()
    lay_down(tmp_path / "runs" / "b", [predicted(database="pocket", score_name="pseudo_mos")])
    publish(page, tmp_path / "runs")
    assert "pocket (pseudo_mos)" in page.read_text()
    assert "A pseudo score is computed by a full-reference metric" in page.read_text()


def test_recorded_restorers_have_a_table_of_their_own(tmp_path, page, predicted):
    lay_down(tmp_path / "runs" / "a", [predicted()])
    publish(page, tmp_path / "runs")
    assert "held out" not in page.read_text()
    restorer(tmp_path / "runs")
    publish(page, tmp_path / "runs")
    text = page.read_text()
    assert "Photographs held out" in text
    assert cells(text, "| multitask (1)") == [
        *("multitask (1)", "7", "jpeg", "1", "30.00", "32.00", "0.900", "0.950", "-"),
    ]


def test_a_run_without_steps_says_so(tmp_path, page, predicted):
    lay_down(tmp_path / "runs" / "a", [predicted()])
    (tmp_path / "runs/a/split0/split.json").write_text('{"seed": 3, "seconds": 30}')
    publish(page, tmp_path / "runs")
    row = dict(zip(cells(page.read_text(), "| no."), cells(page.read_text(), "| 1 "), strict=True))
    assert (row["steps"], row["training"], row["seed"]) == ("none", "0.5 min", "3")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d: (d / "README.md").unlink(), "README.md: no such file"),
        (lambda d: (d / "README.md").write_text("no"), "found no marks, expected <!-- NAME:begin"),
        (lambda d: (d / "README.md").write_text(marks("walks")), "found no marks, expected"),
        (lambda d: (d / "README.md").write_text("<!-- results:begin -->"), "found results:begin"),
        (
            lambda d: (d / "README.md").write_text("<!-- results:end --><!-- results:begin -->"),
            "found results:end, results:begin, expected",
        ),
        (
            lambda d: (d / "README.md").write_text("<!-- results:begin --><!-- timings:end -->"),
            "found results:begin, timings:end, expected",
        ),
        (lambda d: shutil.rmtree(d / "runs" / "a"), "runs: no run.json in it"),
        (lambda d: (d / "runs.jsonl").write_text("{}"), "runs.jsonl, line 1: kind: found None"),
    ],
)
def test_what_is_missing_is_named_and_all_kept(tmp_path, page, predicted, spoil, says):
    lay_down(tmp_path / "runs" / "a", [predicted()])
    publish(page, tmp_path / "runs")
    spoil(tmp_path)
    files = [page, tmp_path / "runs.jsonl"]
    before = [file.read_text() if file.exists() else None for file in files]
    with pytest.raises(InputError, match=says):
        publish(page, tmp_path / "runs")
    assert before == [file.read_text() if file.exists() else None for file in files]


def test_docs_beside_the_page_are_rendered_where_they_have_marks(tmp_path, page, predicted):
    lay_down(tmp_path / "runs" / "a", [predicted()])
    (tmp_path / "docs" / "deeper").mkdir(parents=True)
    (tmp_path / "docs" / "prose.md").write_text("no marks")
    (tmp_path / "docs" / "deeper" / "results.md").write_text(marks("at_a_glance", "timings"))
    publish(page, tmp_path / "runs")
    assert (tmp_path / "docs" / "prose.md").read_text() == "no marks"
    text = (tmp_path / "docs" / "deeper" / "results.md").read_text()
    assert "| iqa_nrtl/full (1) |" in text
    assert "<!-- timings:begin -->\n\nNothing recorded.\n\n<!-- timings:end -->" in text


def test_pages_are_rendered_from_the_record_alone(tmp_path, page, predicted):
    lay_down(tmp_path / "runs" / "a", [predicted()])
    publish(page, tmp_path / "runs")
    rendered = page.read_text()
    page.write_text(HEAD + marks(*PARTS) + TAIL)
    command = ["tables", "--render", f"--readme={page}", f"--record={tmp_path / 'runs.jsonl'}"]
    assert main.main(command) == 0
    assert page.read_text() == rendered


@pytest.mark.parametrize("part", pages.PARTS)
def test_an_empty_record_says_so(part):
    assert pages.PARTS[part]([]) == "Nothing recorded.\n"


def made(run="a", srocc=0.5, **changes):
    """A run record without predictions; `krcc` of its total is 0.125."""
    figures = dict.fromkeys(record.REQUIRED, record.Interval(0.25))
    figures |= {"srocc": record.Interval(srocc, 0.1, 0.9), "krcc": record.Interval(0.125)}
    fields = {
        "run": run,
        "database": "livec",
        "score_name": "mos",
        "protocol": "official",
        "command": f"python --config={run}.py",
        "machine": "2 x cpu",
        "aggregate": "median",
        "splits": (record.SplitRecord("seed0", 0, 232),),
        "total": figures,
        "seconds": record.Span(60, 60),
    }
    return record.RunRecord(**fields | changes)


def test_the_best_run_of_each_database_is_at_a_glance():
    runs = [
        made("a", 0.5),
        made("b", 0.75, seconds=record.Span(66, 150)),
        made("c", None),
        made("d", -0.5, database="csiq", score_name="dmos"),
    ]
    text = render.at_a_glance(runs)
    assert [cells(text, f"| {run} (") for run in ("d", "b")] == [
        ["d (1)", "csiq (dmos)", "official", "1", "-0.500 [0.100, 0.900]", "0.250", "1.0 min"],
        [
            "b (3)",
            "livec (mos)",
            "official",
            "1",
            "0.750 [0.100, 0.900]",
            "0.250",
            "1.1 to 2.5 min",
        ],
    ]
    assert text.count("\n| ") == 3
    assert "pseudo" not in text


def test_epochs_have_a_column():
    text = render.results([made("a", epochs=10.0), made("b", epochs=4.5), made("c")])
    place = cells(text, "| no.").index("epochs")
    assert [cells(text, f"| {i} ")[place] for i in (1, 2, 3)] == ["10", "4.5", "-"]


def test_a_figure_that_is_not_finite_is_shown():
    assert cells(render.results([made("a", None)]), "| 1 ")[6] == "nan [0.100, 0.900]"


def test_figures_without_twins_stand_below_the_table():
    split = record.SplitRecord("seed0", 0, 232, twins=3, without_twins={"srocc": 0.4375})
    text = render.results([made("a"), made("b", splits=(split,))])
    assert (
        "\nRun 2, seed0: 3 of 232 test images have a twin in the training part; without these "
        "images SROCC 0.438.\n"
    ) in text


def test_recorded_differences_stand_beside_computed_ones(predicted, tmp_path, page):
    tables = [predicted(run=run, n=30) for run in "ab"]
    for table in tables:
        lay_down(tmp_path / table.run, [table], command=f"python --config={table.run}.py")
    computed = collect.runs(tmp_path)
    old, older = made("c", protocol="official"), made("d", protocol="official")
    recorded = record.DifferenceRecord(older.names, old.names, 0.1, -0.25, 0.5)
    text = render.differences([*computed, older, old, recorded])
    figures = "{:.3f} [{:.3f}, {:.3f}]".format(*summary.compare([tables[1]], [tables[0]]))
    first, second = text.split("\n\n| run")[1:]
    assert "koniq10k (mos), random-90-10-seed0, seed 0:" in text
    assert cells(first, "| 2 b") == ["2 b", figures]
    assert cells(second, "| 4 d") == ["4 d", "0.100 [-0.250, 0.500]"]


def timed(metric, **changes):
    fields = {"batch": 4, "height": 32, "width": 40, "machine": "1 x cpu", "versions": {"jax": "1"}}
    figures = {"ms": 4.0, "images_per_s": 1000, "first_s": 1.5, "peak_mb": 10, "checked": True}
    return record.TimingRecord(metric, **fields | figures | changes)


def test_timings_stand_beside_the_fastest_peer():
    peer = {"peer": "piq ssim", "peer_ms": 6.0, "peer_mb": 12, "ratio": 1.5, "checked": False}
    text = render.timings([timed("ssim", **peer), timed("psnr")])
    assert "Batch, height, width: 4 x 32 x 40. Shortest of the calls; 1 x cpu, jax 1." in text
    ours = ["4.0", "1000.0", "1.5", "10"]
    assert cells(text, "| ssim ") == ["ssim", *ours, "piq ssim", "6.0", "1.5", "12", "no"]
    assert cells(text, "| psnr ") == ["psnr", *ours, "", "", "", "", "yes"]
    assert text.index("| psnr ") < text.index("| ssim ")
    assert cells(text, "| mad ") == ["mad", *["-"] * 9]


def test_timings_of_other_machines_have_a_table_of_their_own():
    text = render.timings([timed("ssim"), timed("ssim", machine="1 x gpu"), timed("own")])
    assert text.count("| ssim ") == 2
    assert text.count("| mad ") == 1
    assert cells(text, "| own ")[1] == "4.0"
    assert text.count("Batch, height, width") == 2


def test_pages_of_this_repository_are_what_the_record_gives(tmp_path):
    """After an edit of the record or the renderer: `jiqa tables --render`."""
    records = record.read(ROOT / record.PATH)
    found = [
        page.relative_to(ROOT).as_posix() for page in pages.pages_with_marks(ROOT / "README.md")
    ]
    assert {"README.md", "docs/results.md", "docs/benchmarks.md"} <= set(found)
    for name in found:
        copy = tmp_path / Path(name).name
        shutil.copy(ROOT / name, copy)
        pages.update([copy], records)
        assert copy.read_text() == (ROOT / name).read_text(), name


def test_the_record_of_this_repository_has_the_figures_of_the_page_of_0_1():
    """Figures that README.md of version 0.1 printed; `mad` was timed on wrong values."""
    records = record.read(ROOT / record.PATH)
    runs = {
        run.command: run
        for run in records
        if isinstance(run, record.RunRecord) and run.source == "README 0.1"
    }
    pocket = runs["python -m jiqa.main --config=configs/iqa_nrtl.py"]
    assert pocket.total["srocc"] == record.Interval(0.755, 0.711, 0.792)
    assert (pocket.seconds, pocket.splits[2].steps) == (record.Span(60, 78), 633)
    kinds = [each.kind for each in records if each.source == "README 0.1"]
    counts = {kind: kinds.count(kind) for kind in record.KINDS}
    assert counts == {"run": 16, "difference": 12, "restorer": 3, "timing": 21}
