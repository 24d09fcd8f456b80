"""Missing runs of a table, their commands, and their execution."""

import contextlib
import dataclasses
import importlib
import sys
from types import SimpleNamespace

import pytest
from ml_collections import ConfigDict

from jiqa import configs, interrupt
from jiqa.cli import main
from jiqa.configs import runs
from jiqa.errors import JiqaError
from jiqa.experiment import reproduce as plan
from jiqa.results import tables
from jiqa.results.predictions import read_predictions, write_predictions
from jiqa.results.published import Column, Paper, Row, Table

RUNS = {"ours/a": "configs/ours.py:variant=a", "ours/b": "configs/ours.py:variant=b"}
PAPER = Paper("citation", "", "protocol=random,test=0.2,splits=3", "mean", {})
TABLE = Table(
    "",
    (Column("LIVE", {"database": "live"}), Column("CSIQ", {"database": "csiq"})),
    (
        Row("A", "0.9 0.8", {"run": "ours/a"}),
        Row("B", "0.9 0.8", {"run": "ours/b"}),
        Row("Other", "0.9 0.8", {"run": "theirs"}),
        Row("Unknown", "0.9 0.8"),
    ),
    {"criterion": "srocc"},
)
CROSS = Table(
    "",
    (
        Column("CSIQ", {"train": "live", "database": "csiq"}),
        Column("TID2013", {"train": "live", "database": "tid2013"}),
        Column("LIVE", {"train": "csiq", "database": "live"}),
    ),
    (Row("A", "0.9 0.8 0.7", {"run": "ours/a"}),),
    {"criterion": "srocc"},
)


@pytest.fixture(autouse=True)
def ours(monkeypatch):
    """Config files of the run `ours`, whose stage uses the photographs of an argument."""

    def get_config(text):
        common = {"weights": "", "protocol": "", "test": "", "splits": "", "dataset": ""}
        args = configs.common.parse(text, variant="", photographs="", **common)
        stage = {"pairs": {"photographs": args.photographs}}
        return ConfigDict({"stages": ("restore", "scores"), "restore": stage, "scores": {}})

    made = SimpleNamespace(get_config=get_config)
    monkeypatch.setitem(sys.modules, "jiqa.configs.ours", made)


@pytest.fixture
def prepared(monkeypatch):
    """All databases but CSIQ are prepared."""
    monkeypatch.setattr(plan.prepare, "is_prepared", lambda name, **_: name != "csiq")


def test_every_run_on_every_database_is_one_job():
    jobs = plan.jobs(PAPER, [TABLE, TABLE], RUNS, "weights=w.npz,test=0.3")
    assert [(job.run, job.database) for job in jobs] == [
        (run, database) for run in ("ours/a", "ours/b", "theirs") for database in ("live", "csiq")
    ]
    config = (
        "configs/ours.py:variant=a,dataset=live,protocol=random,test=0.3,splits=3,weights=w.npz"
    )
    assert jobs[0].config == config
    assert (jobs[0].protocol, jobs[0].splits) == ("random-70-30-seed0", 3)
    assert jobs[-1].config == ""
    assert jobs[0].command({2, 0}) == [
        *("python", "-m", "jiqa.main", f"--config={config}", "--only=0,2")
    ]


def test_one_training_serves_all_databases_tested_on():
    first, second = plan.jobs(PAPER, [CROSS], RUNS)
    assert (first.database, first.tests) == ("live", ("csiq", "tid2013"))
    assert first.config.endswith("dataset=live,splits=3,cross=csiq+tid2013,shared=True")
    assert (first.protocol, second.protocol) == ("cross-live", "cross-csiq")
    assert second.tests == ("live",)


def test_a_split_is_done_when_all_databases_are_tested(predicted):
    (within, *_), (across, _) = plan.jobs(PAPER, [TABLE], RUNS), plan.jobs(PAPER, [CROSS], RUNS)
    protocol = "random-80-20-seed0"
    runs = [predicted("ours/a", "live", protocol, split) for split in ("split0", "split2")]
    runs.append(predicted("ours/a", "live", "official", "split1"))
    runs.append(predicted("ours/b", "live", protocol, "split1"))
    assert within.done(runs) == {0, 2}
    tested = [
        predicted("ours/a", "csiq", "cross-live", "seed0"),
        predicted("ours/a", "csiq", "cross-live", "seed1"),
        predicted("ours/a", "tid2013", "cross-live (shared photographs)", "seed1"),
    ]
    assert across.done(tested) == {1}


def test_the_plan_says_what_is_missing_and_why(predicted, prepared):
    jobs = plan.jobs(PAPER, [TABLE], RUNS)
    protocol = "random-80-20-seed0"
    runs = [predicted("ours/a", "live", protocol, f"split{i}") for i in range(3)]
    runs.append(predicted("ours/b", "live", protocol, "split0"))
    lines = plan.show(jobs, runs).splitlines()[2:]
    said = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [cells[2:] for cells in said] == [
        ["3 of 3", "done"],
        ["0 of 3", f"`jiqa prepare csiq`, then `python -m jiqa.main --config={jobs[1].config}`"],
        ["1 of 3", f"`python -m jiqa.main --config={jobs[2].config}`"],
        ["0 of 3", f"`jiqa prepare csiq`, then `python -m jiqa.main --config={jobs[3].config}`"],
        ["0 of 3", "no config of this run"],
        ["0 of 3", "no config of this run"],
    ]


@pytest.fixture
def no_photographs(monkeypatch):
    """All databases but Waterloo Exploration are prepared."""
    monkeypatch.setattr(
        plan.prepare, "is_prepared", lambda name, **_: name != "waterloo_exploration"
    )


def test_photographs_that_stages_take_are_prepared_first(no_photographs):
    waterloo = ["waterloo_exploration"]

    def missing(table, arguments=""):
        paper, chosen = tables.select(table)
        planned = plan.jobs(paper, chosen.values(), runs.RUNS, arguments)
        return {job.run: job.unprepared() for job in planned}

    restored = {"mt_irn", *(f"mt_irn/{name}" for name in ("single", "multi", "multi-difference"))}
    assert missing("mt_irn/7") == dict.fromkeys(restored, waterloo) | {"mt_irn/baseline": []}
    measured = {f"mt_irn/{name}-{of}" for name in ("single", "multi") for of in ("psnr", "ssim")}
    assert missing("mt_irn/8", "weights=FILE") == {
        **dict.fromkeys(measured, waterloo),
        **{"psnr": [], "ssim": []},
    }
    assert missing("ttl_iqa/IX")["ttl_iqa"] == waterloo
    assert missing("ttl_iqa/IX")["ttl_iqa/vgg"] == []
    assert set(map(tuple, missing("mt_irn/7", "photographs=FOLDER").values())) == {()}


def test_what_takes_unprepared_photographs_is_not_started(no_photographs, monkeypatch, tmp_path):
    monkeypatch.setattr(interrupt, "run", None)
    taking = {"ours/a": f"{RUNS['ours/a']},photographs=waterloo_exploration"}
    (job, _), said = plan.jobs(PAPER, [TABLE], taking)[:2], []
    plan.reproduce([job], tmp_path, list, say=said.append)
    assert said == ["ours/a on live: not prepared: waterloo_exploration, left out"]
    prepared = "`jiqa prepare waterloo_exploration`, then `python -m jiqa.main --config="
    assert prepared in plan.show([job], [])


def test_arguments_that_a_config_refuses_are_left_to_the_run_to_tell(prepared):
    job = plan.jobs(PAPER, [TABLE], RUNS, "wieghts=FILE")[0]
    assert job.unprepared() == []


@pytest.fixture
def processes(monkeypatch, tmp_path, predicted):
    """Replaces processes of runs by a function that writes the expected predictions."""
    started = []

    def run(command, env):
        assert command[:3] == [sys.executable, "-m", "jiqa.main"]
        fields = dict(part.split("=", 1) for part in command[3].partition(":")[2].split(","))
        only = [int(number) for number in command[4].removeprefix("--only=").split(",")]
        assert command[5] == f"--root={tmp_path}"
        started.append((fields["variant"], fields["dataset"], only))
        if fields["variant"] == "b":
            return 3
        for split in only:
            table = predicted(
                f"ours/{fields['variant']}",
                fields["dataset"],
                "random-80-20-seed0",
                f"split{split}",
            )
            folder = tmp_path / fields["variant"] / fields["dataset"] / str(split)
            write_predictions(folder / "predictions.csv", [table])
        return 0

    monkeypatch.setattr(interrupt, "run", run)
    return started


def reproduce(tmp_path, said, **fields):
    jobs = plan.jobs(PAPER, [TABLE], RUNS)
    plan.reproduce(jobs, tmp_path, lambda: read_predictions(tmp_path), say=said.append, **fields)


def test_what_is_missing_is_run_once_and_a_failure_stops_nothing(prepared, processes, tmp_path):
    said = []
    with pytest.raises(JiqaError, match=r"1 run failed: python -m jiqa.main .*variant=b.*live"):
        reproduce(tmp_path, said)
    assert processes == [("a", "live", [0, 1, 2]), ("b", "live", [0, 1, 2])]
    assert said == [
        "ours/a on live: 3 splits to run",
        "ours/a on csiq: not prepared: csiq, left out",
        "ours/b on live: 3 splits to run",
        "ours/b on csiq: not prepared: csiq, left out",
        "theirs on live: no config of this run, left out",
        "theirs on csiq: no config of this run, left out",
    ]
    with pytest.raises(JiqaError):
        reproduce(tmp_path, [])
    assert processes[2:] == [("b", "live", [0, 1, 2])]


def test_shards_share_the_splits_out_without_gap_or_overlap(prepared, processes, tmp_path):
    taken = []
    for i in (1, 2):
        processes.clear()
        with contextlib.suppress(JiqaError):
            reproduce(tmp_path, [], shard=(i, 2))
        taken += [(*name, split) for *name, splits in processes for split in splits]
    expected = [(v, "live", split) for v in "ab" for split in range(3)]
    assert sorted(taken) == expected


def test_a_grid_is_every_combination(processes, capsys, tmp_path):
    over = ["--over=variant=a,b", "--over=seed=1,2"]
    where = f"--workdir={tmp_path}"
    assert main.main(["grid", "configs/ours.py:dataset=live", *over, where]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "python -m jiqa.main "
        f"--config=configs/ours.py:dataset=live,variant={v},seed={s} --root={tmp_path}"
        for v in "ab"
        for s in (1, 2)
    ]
    assert processes == []
    assert main.main(["grid", "configs/ours.py", "--over=seed=1,2,3", "--shard=2/2", where]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "--config=configs/ours.py:seed=2 " in line


def test_a_grid_that_fails_says_which_command(monkeypatch, capsys, tmp_path):
    started = []

    def run(command, env):
        started.append(command[3])
        return int("seed=1" in command[3])

    monkeypatch.setattr(interrupt, "run", run)
    arguments = ["grid", "configs/ours.py", "--over=seed=1,2", "--run", f"--workdir={tmp_path}"]
    assert main.main(arguments) == 1
    assert started == ["--config=configs/ours.py:seed=1", "--config=configs/ours.py:seed=2"]
    error = capsys.readouterr().err
    assert "1 run failed: python -m jiqa.main --config=configs/ours.py:seed=1 " in error
    assert main.main(["grid", "configs/ours.py", "--over=seed"]) == 2
    assert "--over: found 'seed', expected NAME=VALUE,VALUE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--shard=0/2"], "shard: found 0/2, expected 1/2 to 2/2"),
        (["--shard=half"], "--shard: found 'half', expected i/n"),
        (["--set=weights"], "arguments: found 'weights', expected NAME=VALUE"),
        (["--set=splits=few"], "argument splits: found 'few', expected a number"),
        (["--set=test=tenth"], "argument test: found 'tenth', expected a number"),
        (["--set=seed=x"], "argument seed: found 'x', expected a number"),
    ],
)
def test_bad_arguments_are_told_in_a_line(arguments, says, tmp_path, capsys):
    assert main.main(["reproduce", "iqa_nrtl/3", f"--workdir={tmp_path}", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_every_table_can_be_planned(prepared):
    for name in tables.names():
        paper, chosen = tables.select(name)
        planned = plan.jobs(paper, chosen.values(), runs.RUNS, "weights=w.npz")
        assert len({(job.run, job.database, job.tests) for job in planned}) == len(planned)
        for job in planned:
            assert dataclasses.replace(job, config="x").command()[-1] == "--config=x"


def test_the_commands_of_a_paper_are_configs_that_can_be_read(prepared):
    paper, chosen = tables.select("iqa_nrtl")
    planned = [j for j in plan.jobs(paper, chosen.values(), runs.RUNS, "weights=none") if j.config]
    assert len(planned) == 5 * 4 + 1
    for job in planned:
        file, _, text = job.config.partition(":")
        module = importlib.import_module("jiqa." + file.removesuffix(".py").replace("/", "."))
        config = module.get_config(text)
        assert config.run == job.run
        assert config.data.database == job.database
        assert plan.Protocol(**config.protocol).label(job.database) == job.protocol
        assert config.protocol.n == job.splits == 50
