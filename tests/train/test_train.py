"""Training on the tiny database: results, resume, divergence, evaluation."""

import csv
import dataclasses
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import jax
import numpy as np
import pytest
import tiny_run

from jiqa import files
from jiqa.data.protocols import Protocol
from jiqa.errors import DivergedError, InputError
from jiqa.experiment import run, stages
from jiqa.experiment.config import parse
from jiqa.experiment.fields import read
from jiqa.results import stats
from jiqa.results.predictions import read_predictions
from jiqa.tasks import features
from jiqa.train import log, loop, mesh, predict

SPLIT = "split0"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return tiny_run.run(tmp_path_factory.mktemp("finished"))


def test_a_run_leaves_everything_it_promises(finished):
    for name in ("run.json", "results.md", "results.csv"):
        assert (finished / name).stat().st_size > 0
    for split in ("split0", "split1"):
        for name in ("predictions.csv", "split.json", "scatter.png", "scores/curves.png"):
            assert (finished / split / name).stat().st_size > 0
        assert list((finished / split / "scores" / "tensorboard").glob("events*"))
        assert any((finished / split / "scores" / "checkpoints").iterdir())


def test_training_lowers_the_loss_and_logs_every_step(finished):
    rows = log.read(finished / SPLIT / "scores" / "metrics.csv")
    losses = [float(row["loss"]) for row in rows if row["loss"]]
    assert len(losses) == len(rows) - sum(bool(row["val_srocc"]) for row in rows)
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
    assert [int(row["step"]) for row in rows if row["loss"]] == list(range(1, len(losses) + 1))


def test_a_finished_run_is_not_run_again(finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("predictions.csv")}
    tiny_run.run(finished)
    assert before == {path: path.stat().st_mtime_ns for path in finished.rglob("predictions.csv")}


def test_a_folder_of_another_run_is_refused(finished):
    with pytest.raises(InputError, match=r"run\.json: a run of another config"):
        tiny_run.run(finished, **{"scores.fit.batch_size": 4})


@pytest.mark.slow
def test_a_run_killed_and_resumed_ends_as_one_never_killed(finished, tmp_path):
    status, _ = _stopped(tmp_path, epoch=2.2, by=signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert not (tmp_path / SPLIT / "predictions.csv").exists()
    _same_once_resumed(tmp_path, finished)


@pytest.mark.slow
def test_a_run_that_is_asked_to_stop_keeps_every_step_and_says_so(finished, tmp_path):
    """The run gets Ctrl-C in the second epoch, then SIGTERM in the third."""
    folder = tmp_path / SPLIT / "scores"
    for by, epoch, says in (
        (signal.SIGINT, 1.2, "interrupted"),
        (signal.SIGTERM, 2.2, "terminated"),
    ):
        status, said = _stopped(tmp_path, epoch, by)
        assert status == 128 + by
        assert "Traceback" not in said
        kept = max(int(row["step"]) for row in log.read(folder / "metrics.csv"))
        (line,) = (line for line in said.splitlines() if line.startswith("jiqa: "))
        assert line == (
            f"jiqa: error: {says}: step {kept} is kept in {folder / 'checkpoints'}; the same "
            "command goes on from there"
        )
    _same_once_resumed(tmp_path, finished)


def _command(workdir: Path) -> list[str]:
    return [sys.executable, str(Path(tiny_run.__file__)), str(workdir)]


def _stopped(workdir: Path, epoch: float, by: signal.Signals) -> tuple[int, str]:
    """Exit status and errors of a run that gets a signal in an epoch of the first split."""
    process = subprocess.Popen(_command(workdir), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not _reached(workdir / SPLIT / "scores" / "metrics.csv", epoch):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(by)
    _, said = process.communicate()
    return process.returncode, said


def _same_once_resumed(workdir: Path, finished: Path) -> None:
    subprocess.run(_command(workdir), check=True)
    for split in ("split0", "split1"):
        ours, theirs = (folder / split / "predictions.csv" for folder in (workdir, finished))
        assert ours.read_bytes() == theirs.read_bytes()
    rows = log.read(workdir / SPLIT / "scores" / "metrics.csv")
    steps = [int(row["step"]) for row in rows if row["loss"]]
    assert steps == list(range(1, len(steps) + 1))


def _reached(metrics: Path, epoch: float) -> bool:
    if not metrics.exists():
        return False
    return any(float(row["epoch"] or 0) >= epoch for row in log.read(metrics))


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    changes = {"scores.fit.optim.learning_rate": 1e30, "scores.fit.optim.schedule": "constant"}
    with pytest.raises(DivergedError, match=r"step \d+: the loss is (nan|inf); .*checkpoint"):
        tiny_run.run(tmp_path, **changes)
    assert not list(tmp_path.rglob("predictions.csv"))


def test_batch_size_and_padding_do_not_change_a_score(finished, tmp_path, monkeypatch):
    """Scores of one trained state, predicted in batches of 8 (padded) and of 5."""
    predict_rows = predict.predict_rows
    monkeypatch.setattr(
        predict,
        "predict_rows",
        lambda apply, variables, source, arrays, rows, _, mesh: predict_rows(
            apply, variables, source, arrays, rows[::-1], 5, mesh
        )[::-1],
    )
    for path in (finished / SPLIT).rglob("*"):
        copy = tmp_path / path.relative_to(finished)
        if path.is_file() and path.name != "predictions.csv":
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    tiny_run.run(tmp_path, **{"protocol.n": 1})
    ours, theirs = (
        next(t for t in read_predictions(folder) if t.split == SPLIT)
        for folder in (tmp_path, finished)
    )
    np.testing.assert_allclose(ours.prediction, theirs.prediction, rtol=1e-5, atol=1e-6)


def test_metrics_cut_short_by_a_kill_are_dropped_at_resume(tmp_path):
    with log.Log(tmp_path, 0) as first:
        first.write(1, 0.5, loss=0.25)
        first.write(2, 1.0, loss=0.125)
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("3,1.5,0.1")
    with log.Log(tmp_path, 1):
        pass
    with (tmp_path / "metrics.csv").open() as file:
        assert [row["loss"] for row in csv.DictReader(file)] == ["0.25"]


def test_rows_of_a_log_outlive_a_failure_while_it_is_reopened(tmp_path, monkeypatch):
    with log.Log(tmp_path, 0) as first:
        first.write(1, 0.5, loss=0.25)
    before = (tmp_path / "metrics.csv").read_bytes()
    monkeypatch.setattr(csv.DictWriter, "writerows", mock.Mock(side_effect=OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        log.Log(tmp_path, 1)
    assert (tmp_path / "metrics.csv").read_bytes() == before


def test_a_log_on_a_full_disk_says_which_file(tmp_path):
    written = log.Log(tmp_path, 0)
    written._file.close()
    written._file = open("/dev/full", "w")  # noqa: SIM115
    written._csv = csv.DictWriter(written._file, log.FIELDS)
    for act in (lambda: written.write(1, 0.5, loss=0.25), written.close):
        with pytest.raises(OSError, match="No space left") as error:
            act()
        assert error.value.filename == str(tmp_path / "metrics.csv")


def test_a_workdir_that_another_process_is_at_work_on_is_refused_at_once(finished, tmp_path):
    """The lock alone is tested here; `test_files` tests two processes."""
    held = mock.patch.object(files, "held", side_effect=InputError("workdir a: found process 1"))
    with held as asked, pytest.raises(InputError, match="found process 1"):
        tiny_run.run(tmp_path)
    asked.assert_called_once_with(tmp_path / "run.lock", [0, 1], f"workdir {tmp_path}")
    assert not list(tmp_path.iterdir())
    with mock.patch.object(files, "held", return_value=nullcontext()) as asked:
        tiny_run.run(finished, only={1})
    assert asked.call_args.args[1] == [1]


def test_a_run_goes_on_where_nobody_reads(monkeypatch):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        run.say("once")
        run.say("again")


def test_too_few_contents_for_a_regression_are_told_before_features_are_computed(
    databases, tmp_path, monkeypatch
):
    for owner, name in ((predict, "predict_rows"), (features, "compute")):
        monkeypatch.setattr(owner, name, mock.Mock(side_effect=AssertionError))
    index, records = tiny_run.tiny.database(n=4, contents=4)
    monkeypatch.setattr(run, "load_index", lambda *_, **__: (index, records))
    for task, own in (("ridge", {}), ("svr", {}), ("svr", {"model": {}})):
        config = ridge()
        config.fit = {"task": task, "fit": {"batch_size": 8}, **own}
        with pytest.raises(InputError, match=r"found 3 contents to .*, expected 5 or more"):
            run.run(config, str(tmp_path / f"{task}{len(own)}"), "tiny")


@pytest.mark.parametrize("seen", [False, True])
def test_a_run_asks_before_each_test_whether_its_contents_were_seen(tmp_path, monkeypatch, seen):
    """The checks before training are switched off: the last one, at the prediction, is left."""
    index, records = tiny_run.tiny.database()
    monkeypatch.setattr(run, "load_index", lambda *_, **__: (index, records))
    for earlier in (run, stages):
        monkeypatch.setattr(earlier, "refuse_leak", lambda *_: None)
    draw = Protocol.splits

    def splits(protocol, of):
        (split,) = draw(protocol, of)
        leaked = {of.content_hash[split.test[-1]]} if seen else set()
        return [dataclasses.replace(split, seen=split.seen | leaked)]

    monkeypatch.setattr(Protocol, "splits", splits)
    config = ridge()
    config.protocol.n = 1
    refused = pytest.raises(InputError, match="was trained on and is to be tested on")
    with refused if seen else nullcontext():
        run.run(config, str(tmp_path), "tiny", mesh=mesh.make(jax.devices()[:1]))
    assert len(list(tmp_path.rglob("predictions.csv"))) == (0 if seen else 1)


@pytest.mark.parametrize("text", ["step,seconds\nx,1\n", "step\n1\n", "step,seconds\n\0,1\n"])
def test_a_log_that_is_none_is_named(tmp_path, text):
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(
        InputError, match=r"metrics\.csv: found .*, expected the rows of a training"
    ):
        log.Log(tmp_path, 3)


def ridge():
    config = tiny_run.config()
    config.run = "ridge"
    config.model = {"name": "stage_statistics", "backbone": config.model.backbone}
    config.fit = {"task": "ridge", "fit": {"batch_size": 8}}
    config.stages = ("fit",)
    return config


@pytest.fixture
def databases(monkeypatch):
    """Three databases by name; `kin` is made from the photographs of `tiny`."""

    def load(name, **_):
        index, records = tiny_run.tiny.database(name=name)
        family = {"kin": "tiny"}.get(name, name)
        return dataclasses.replace(index, family=family), records

    monkeypatch.setattr(run, "load_index", load)


def crossed(*names, **protocol):
    config = ridge()
    config.protocol = {"kind": "cross", "n": 1, "val": 0.25, **protocol}
    config.tests = {
        name: {"data": {**config.data, "database": name}, "view": config.view} for name in names
    }
    return config


def test_another_database_is_tested_on_whole(databases, tmp_path):
    folder = run.run(crossed("other", "third"), str(tmp_path), "tiny")
    first, second = read_predictions(folder)
    assert [first.database, second.database] == ["other", "third"]
    assert {first.protocol, second.protocol} == {"cross-tiny"}
    assert len(first) == len(second) == 48
    # All three hold the same pictures: what was learned on one holds on the others.
    np.testing.assert_allclose(first.prediction, second.prediction, atol=1e-6)
    assert stats.srocc(first.prediction, first.score) > 0.9
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("predictions.csv")}
    run.run(crossed("other", "third"), str(tmp_path), "tiny")
    assert files == {path: path.stat().st_mtime_ns for path in folder.rglob("predictions.csv")}


def test_a_test_on_what_was_trained_on_is_refused_before_training(databases, tmp_path):
    with pytest.raises(InputError, match="kin and tiny were made from the same photographs"):
        run.run(crossed("other", "kin"), str(tmp_path), "tiny")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"kin: content 'photo0' was trained on .*\(12 such\)"):
        run.run(crossed("kin", shared=True), str(tmp_path), "tiny")
    assert not list(tmp_path.rglob("predictions.csv"))


def test_a_machine_can_take_a_part_of_the_splits(databases, tmp_path):
    config = ridge()
    for only in ({1}, {0}):
        run.run(config, str(tmp_path), "tiny", only=only)
        names = sorted(path.parent.name for path in tmp_path.rglob("predictions.csv"))
        assert names == (["split1"] if only == {1} else ["split0", "split1"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores.fit.epochs": 0.0}, "epochs: found 0.0, expected a number above 0"),
        (
            {"scores.fit.evaluate_every": -1.0},
            "evaluate_every: found -1.0, expected a number above 0",
        ),
        ({"scores.fit.loss": "huber"}, "loss: found 'huber'"),
        ({"view.crop": 64}, r"40x40 pixels .* expected at least 64x64"),
        ({"protocol.test": 1.5}, "protocol test: 1.5"),
        ({"protocol.kind": "cross"}, "tests: expected other databases with the protocol cross"),
    ],
)
def test_bad_fields_are_named(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        tiny_run.run(tmp_path, **changes)


@pytest.mark.parametrize(
    ("how", "steps", "evaluated"),
    [
        # 10 rows by 4 are 2.5 updates an epoch.
        ({"epochs": 3}, 8, {3, 5, 8}),
        ({"epochs": 3, "evaluate_every": 2}, 8, {5, 8}),
        ({"epochs": 1, "evaluate_every": 0.2}, 3, {1, 2, 3}),
        ({"updates": 7, "evaluate_updates": 3}, 7, {3, 6, 7}),
    ],
)
def test_a_training_is_evaluated_as_epochs_end(how, steps, evaluated):
    assert loop.DescentConfig(batch_size=4, **how).steps(10) == (steps, evaluated)


def test_a_field_that_is_not_there_is_named():
    with pytest.raises(InputError, match=r"scores\.epoch: no such field, expected one of epochs"):
        read(loop.DescentConfig, {"epoch": 3}, "scores")


def test_the_config_hash_is_of_what_is_computed():
    fields = tiny_run.config().to_dict()
    moved = tiny_run.config(**{"data.data_dir": "/elsewhere", "protocol.n": 50}).to_dict()
    other = tiny_run.config(**{"scores.fit.epochs": 5.0}).to_dict()
    assert run.config_hash(parse(fields), {}) == run.config_hash(parse(moved), {})
    assert run.config_hash(parse(fields), {}) != run.config_hash(parse(other), {})
