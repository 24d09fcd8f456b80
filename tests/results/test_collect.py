"""Records of runs and restorers in folders: figures by hand, facts, what is malformed."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

from jiqa.errors import InputError
from jiqa.results import collect, record, summary
from jiqa.results.predictions import write_predictions

HEADER = "id,content_id,distortion,level,psnr,ssim,restored_psnr,restored_ssim,map_correlation\n"
ROWS = """a_1,a,jpeg,1,30,0.9,32,0.95,0.5
a_2,a,jpeg,2,20,0.5,21,0.55,
b_1,b,blur,1,25,0.7,24,0.65,
"""
FACTS = {
    "command": "python -m x",
    "steps": 700,
    "model": {"name": "unet", "multitask": False},
    "fit": {"ssim_weight": 1.0},
}


@pytest.fixture
def run(tmp_path, predicted):
    """Lays a run of two splits down on disk, `changes` in its config and facts of its splits."""

    def make(config=None, **facts):
        folder = tmp_path / "runs" / "a"
        for i in range(2):
            table = predicted(split=f"seed{i}", seed=i, n=40 + i)
            write_predictions(folder / table.split / "predictions.csv", [table])
            split = {"seed": i, "seconds": 90 + 60 * i, "train": 80, **facts}
            (folder / table.split / "split.json").write_text(json.dumps(split))
            os.utime(folder / table.split / "predictions.csv", (0, 86400 * (i + 1)))
        about = {
            "command": "python -m x",
            "machine": "2 x cpu",
            "jiqa": "0.2",
            "config": config or {},
        }
        (folder / "run.json").write_text(json.dumps(about))
        return tmp_path / "runs"

    return make


def test_a_run_has_its_names_figures_and_predictions(run, predicted):
    (found,) = collect.runs(run({"protocol": {"aggregate": "mean"}}))
    assert found.names == record.RunKey(
        "iqa_nrtl/full", "koniq10k", "mos", "random-90-10-seed0", "python -m x", "2 x cpu"
    )
    assert (found.aggregate, found.version, found.source) == ("mean", "0.2", "run")
    assert (found.seconds, found.date) == (record.Span(90, 150), "1970-01-03")
    tables = [predicted(split=f"seed{i}", seed=i, n=40 + i) for i in range(2)]
    (expected,) = summary.summarise(tables, "mean")
    total = {name: interval.figure for name, interval in found.total.items()}
    assert {name: pytest.approx(each, rel=1e-6) for name, each in expected.total.items()} == total
    assert [(s.name, s.seed, s.test_images) for s in found.splits] == [
        ("seed0", 0, 40),
        ("seed1", 1, 41),
    ]
    for split, table, kept in zip(found.splits, tables, found.tables(), strict=True):
        of_split = {name: interval.figure for name, interval in split.figures.items()}
        assert of_split["krcc"] == pytest.approx(expected.splits[split.name]["krcc"], rel=1e-6)
        assert kept.id.tolist() == table.id.tolist()
        np.testing.assert_allclose(kept.score, table.score, rtol=5e-6)
        np.testing.assert_allclose(kept.prediction, table.prediction, rtol=5e-6)


def test_numbers_of_predictions_have_six_digits(run, tmp_path, predicted):
    table = dataclasses.replace(predicted(n=3), score=np.array([1, 123.4567891, 1e-7 / 3]))
    folder = run()
    shutil.rmtree(folder / "a" / "seed0")
    write_predictions(
        folder / "a" / "seed1" / "predictions.csv", [dataclasses.replace(table, split="seed1")]
    )
    (found,) = collect.runs(folder)
    assert found.splits[0].predictions.score == (1.0, 123.457, 3.33333e-8)


def test_one_stage_counts_its_images_and_epochs(run):
    config = {"stages": ["scores"], "scores": {"task": "scores", "fit": {"batch_size": 8}}}
    (found,) = collect.runs(run(config, steps=100, selected_step=60))
    assert [(s.steps, s.selected_step, s.images_seen) for s in found.splits] == [(100, 60, 800)] * 2
    assert found.epochs == 10.0  # 100 x 8 / 80


def test_several_stages_add_up_and_only_scores_have_epochs(run):
    fit = {"fit": {"batch_size": 8}}
    config = {
        "stages": ["restore", "head", "all"],
        "restore": {"task": "restore", "fit": {"batch_size": 4}},
        "head": {"task": "scores", **fit},
        "all": {"task": "scores", **fit},
        "left_out": {"task": "scores", **fit},
    }
    stages = {
        "restore": {"steps": 1000, "selected_step": 900},
        "head": {"steps": 10, "selected_step": 10},
        "all": {"steps": 31, "selected_step": 20},
    }
    (found,) = collect.runs(run(config, steps=1041, stages=stages))
    split = found.splits[0]
    assert (split.steps, split.selected_step) == (1041, 20)
    assert split.images_seen == 4000 + 80 + 248
    assert found.epochs == 4.1  # (10 + 31) x 8 / 80


def test_what_has_no_updates_has_neither(run):
    config = {"stages": ["scores"], "scores": {"task": "ridge", "fit": {}}}
    (found,) = collect.runs(run(config))
    split = found.splits[0]
    assert (split.steps, split.selected_step, split.images_seen, found.epochs) == (None,) * 4


def test_a_batch_that_the_config_leaves_out_is_unknown(run):
    config = {"stages": ["scores"], "scores": {"task": "scores", "fit": {}}}
    (found,) = collect.runs(run(config, steps=100))
    assert (found.splits[0].steps, found.splits[0].images_seen, found.epochs) == (100, None, None)


def test_twins_are_counted(run):
    (found,) = collect.runs(run(twins=2))
    assert [split.twins for split in found.splits] == [2, 2]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d: shutil.rmtree(d / "a"), "runs: no run.json in it"),
        (lambda d: [f.unlink() for f in d.rglob("predictions.csv")], "a: no predictions.csv"),
        (lambda d: (d / "a/seed0/split.json").unlink(), "split.json: not a readable JSON"),
        (lambda d: (d / "a/run.json").write_text("{"), "run.json: not a readable JSON"),
        (lambda d: (d / "a/run.json").write_text("{}"), "run.json: found no command, expected"),
        (lambda d: (d / "a/seed0/split.json").write_text('{"seed": 1}'), "found no seconds"),
    ],
)
def test_what_a_run_misses_is_named(run, spoil, says):
    folder = run()
    spoil(folder)
    with pytest.raises(InputError, match=says):
        collect.runs(folder)


@pytest.fixture
def stage(tmp_path):
    folder = tmp_path / "stages" / "restore-0"
    folder.mkdir(parents=True)
    (folder / "restored.csv").write_text(HEADER + ROWS)
    (folder / "stage.json").write_text(json.dumps(FACTS))
    return folder


def test_means_are_of_each_type_and_of_all(stage, tmp_path):
    (found,) = collect.restorers(tmp_path)
    assert found.command == "python -m x"
    assert (found.stage, found.multitask, found.updates) == ("restore", False, 700)
    rows = [dataclasses.astuple(row) for row in found.rows]
    assert [row[:2] for row in rows] == [("jpeg", 2), ("blur", 1), ("all", 3)]
    assert [row[2:6] for row in rows] == [
        pytest.approx((25, 26.5, 0.7, 0.75)),
        pytest.approx((25, 24, 0.7, 0.65)),
        pytest.approx((25, 77 / 3, 0.7, 2.15 / 3)),
    ]
    assert [row[6] for row in rows] == [0.5, None, 0.5]


def test_a_map_left_out_of_the_loss_is_not_judged(stage, tmp_path):
    (stage / "stage.json").write_text(json.dumps(FACTS | {"fit": {"ssim_weight": 0.0}}))
    (found,) = collect.restorers(tmp_path)
    assert [row.map_correlation for row in found.rows] == [None] * 3


def test_a_restorer_of_one_split_is_named_with_it(stage, tmp_path):
    shutil.copytree(stage, tmp_path / "run" / "seed0" / "restore")
    assert {each.stage for each in collect.restorers(tmp_path)} == {"restore", "seed0/restore"}


def test_of_two_trainings_by_one_command_the_later_is_recorded(stage, tmp_path):
    later = shutil.copytree(stage, stage.with_name("restore-later"))
    (later / "stage.json").write_text(json.dumps(FACTS | {"steps": 9}))
    for folder, time in ((stage, 2), (later, 1)):
        os.utime(folder / "restored.csv", (time, time))
    assert [each.updates for each in record.merged([], collect.restorers(tmp_path))] == [700]


def test_without_restorers_there_is_no_record(tmp_path):
    assert collect.restorers(tmp_path) == []


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("restored.csv", HEADER, "restored.csv: expected rows with distortion, psnr"),
        ("restored.csv", "id,psnr\na,1\n", "restored.csv: expected rows with distortion, psnr"),
        ("stage.json", "{}", "stage.json: found no command, expected JSON with command, model"),
    ],
)
def test_what_is_malformed_is_named(stage, tmp_path, file, text, message):
    (stage / file).write_text(text)
    with pytest.raises(InputError, match=message):
        collect.restorers(tmp_path)
