"""Runs on several devices: every config with default arguments, and every task."""

import json

import jax
import numpy as np
import pytest
from experiment.test_stages import Dimmer
from kills import killed
from ml_collections import ConfigDict

from jiqa import models
from jiqa.configs import handcrafted, iqa_nrtl, measure, mt_irn, ridge, ttl_iqa
from jiqa.experiment import run as experiment
from jiqa.models import vgg
from jiqa.results import plots
from jiqa.results.predictions import read_predictions
from jiqa.tasks import TASKS, attention, restore
from jiqa.tfds_builders.pocket import pocket_dataset_builder as pocket
from jiqa.train import loop, mesh

BACKBONE = {"name": "resnet", "stage_sizes": (1, 1, 1, 1), "width": 2, "preprocess": "unit"}


@pytest.fixture(scope="module", autouse=True)
def small(tmp_path_factory):
    """Tests use two pictures of each of eight photographs, small networks, and no plots."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JIQA_DATA_DIR", str(tmp_path_factory.mktemp("databases")))
        patch.setattr(pocket, "FAMILIES", {"pocket": {"jpeg": pocket.FAMILIES["pocket"]["jpeg"]}})
        patch.setattr(pocket, "LEVELS", (1, 5))
        patch.setattr(pocket, "GRID", (1, 1))
        patch.setattr(vgg, "STAGES", ((1, 1), (1, 1), (1, 2), (1, 2), (1, 4)))
        patch.setitem(models.MODELS, "dimmer", Dimmer)
        for name in ("loss_curves", "gan_curves", "scatter", "sheet"):
            patch.setattr(plots, name, lambda *_: None)
        patch.setattr(attention, "show", lambda *_: None)
        patch.setattr(restore, "evaluate", lambda *_: None)
        yield


def shrunk(config):
    """Config with two updates of six images per stage, 32x32 crops and narrow networks."""
    config.protocol.n = 1
    for name in config.stages:
        stage = config[name]
        if "pairs" in stage or "pristine" in stage:
            stage["pairs" if "pairs" in stage else "pristine"].view.crop = 32
        if "epochs" in stage.fit or "updates" in stage.fit:
            stage.fit.update({"updates": 2, "batch_size": 6, "evaluate_updates": 2})
        if "width" in stage.get("model", {}):
            stage.model.width = 6 if stage.model.name == "unet" else 2
        for inner, width in (("backbone", 2), ("restorer", 6)):
            if inner in stage.get("model", {}):
                stage.model[inner].width = width
    return config


def iqa_nrtl_():
    config = iqa_nrtl.get_config("")
    config.model.update({"global_dim": 8, "hidden": 8})
    config.model.backbone.width = 2
    return config


def ttl_iqa_():
    config = ttl_iqa.get_config("")
    for name in ("gan", "hallucinate"):
        config[name].model.blocks = 1
    for name in ("levels", "scores"):
        config[name].model.after = "conv5_1"
    config.levels.view = config.view
    return config


def ridge_():
    config = ridge.get_config("dataset=pocket,weights=none")
    config.view.resize = (32, 32)
    config.model.backbone = ConfigDict(BACKBONE)
    return config


# By the config: itself, and of eight devices how many each stage uses for its batch.
CONFIGS = {
    "handcrafted": (
        lambda: handcrafted.get_config("dataset=pocket"),
        ["fit: batch 8 on 8"],
    ),
    "iqa_nrtl": (iqa_nrtl_, ["scores: batch 6 on 6"]),
    "measure": (lambda: measure.get_config("dataset=pocket"), ["score: batch 1 on 1"]),
    "mt_irn": (
        lambda: mt_irn.get_config(""),
        [f"{name}: batch 6 on 6" for name in ("ssim_map", "restore", "head", "all")],
    ),
    "ridge": (ridge_, ["fit: batch 32 on 8"]),
    "ttl_iqa": (
        ttl_iqa_,
        [
            "gan: batch 6 on 6",
            "hallucinate: batch 1 on 1",
            "levels: batch 6 on 6",
            "scores: batch 6 on 6",
        ],
    ),
}

TRAINED = ("iqa_nrtl", "mt_irn", "ttl_iqa")


def run(root, fields, count, name="run"):
    """Predictions of a run on a number of devices."""
    where = mesh.make(jax.devices()[:count])
    folder = experiment.run(fields, str(root / name), mesh=where, root=str(root))
    (table,) = read_predictions(folder)
    assert np.isfinite(table.prediction).all()
    return table


def told(capsys):
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("stage ")]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in TRAINED else []) for name in CONFIGS],
)
def test_every_config_runs_by_default_on_one_and_on_eight_devices(name, tmp_path, capsys):
    make, expected = CONFIGS[name]
    config = shrunk(make())
    if name in (*TRAINED, "ridge"):
        config.view.crop, config.view.test_blocks = 32, 1
    one = run(tmp_path / "one", config, 1)
    assert not told(capsys)
    eight = run(tmp_path / "eight", config, 8)
    assert told(capsys) == [f"stage {line} of 8 devices" for line in expected]
    assert one.id.tolist() == eight.id.tolist()
    # What is trained differs by its rounding: in float64 it does not, see test_mesh.py.
    if name not in TRAINED:
        np.testing.assert_allclose(eight.prediction, one.prediction, rtol=1e-3)


def kinds():
    """Config with a stage of every task, each with another batch size."""
    pristine = {"view": {"resize": None, "crop": 24, "blocks": 1}}
    descent = {"updates": 2, "evaluate_updates": 1, "optim": {"learning_rate": 1e-3}}
    gan = {"levels": 2, "by_type": False, "semantic_weight": 0.0, "batch_size": 2, **descent}
    statistics = {"name": "stage_statistics", "backbone": BACKBONE}
    stages = {
        "simulate": {"fit": {"types": ("waterloo/jpeg",), "strengths": (1, 5)}, "model": {}},
        "gan": {"fit": gan, "model": {"name": "dimmer"}},
        "hallucinate": {"fit": {}, "model": {"name": "dimmer"}},
        "restore": {
            "fit": {"batch_size": 4, **descent},
            "model": {"name": "unet", "width": 2, "carry": False},
            "pairs": {"view": {"resize": None, "crop": 32, "blocks": 1}},
        },
        "metric": {"fit": {"metric": "psnr"}, "model": {}},
        "svr": {
            "fit": {
                "features": {"method": "gm_log"},
                "batch_size": 3,
                "penalties": (1.0,),
                "widths": (1.0,),
            },
            "model": {},
        },
        "ridge": {"fit": {"batch_size": 9}, "model": statistics},
        "levels": {
            "fit": {"batch_size": 6, **descent},
            "model": {"name": "sftnet", "outputs": 2, "attention": False},
            "database": "hallucinate",
        },
        "scores": {
            "fit": {"batch_size": 5, **descent},
            "model": {"name": "sftnet", "attention": False},
        },
    }
    for name, stage in stages.items():
        stage |= {"task": name, "init_from": {}}
        if name in ("simulate", "gan", "hallucinate"):
            stage["pristine"] = pristine
        if stage["model"].get("name") == "sftnet":
            stage["model"]["backbone"] = {"name": "vgg", "width": 2, "dense": 4}
    data = {"database": "pocket", "config": "", "data_dir": "", "resident_mb": 64, "workers": 0}
    fields = {
        "run": "kinds",
        "data": data,
        "protocol": {"kind": "random", "n": 1, "test": 0.25, "val": 0.15},
        "view": {"resize": None, "crop": 32, "blocks": 1},
        "tests": {},
        "weights": "",
        "model": {},
        "stages": tuple(stages),
        **stages,
    }
    # Through JSON, so that no section is another one too.
    return ConfigDict(json.loads(json.dumps(fields)))


# Of 2 and of 3 devices, how many each stage uses.
USED = {
    "simulate": (1, 1, 1),
    "gan": (2, 2, 2),
    "hallucinate": (1, 1, 1),
    "restore": (4, 2, 2),
    "metric": (1, 1, 1),
    "svr": (3, 1, 3),
    "ridge": (9, 1, 3),
    "levels": (6, 2, 3),
    "scores": (5, 1, 1),
}


@pytest.mark.slow
def test_every_kind_of_stage_runs_on_two_and_three_devices(tmp_path, capsys):
    assert set(USED) == set(TASKS)
    for column, count in enumerate((2, 3), start=1):
        run(tmp_path / str(count), kinds(), count)
        lines = [
            f"stage {name}: batch {used[0]} on {used[column]} of {count} devices"
            for name, used in USED.items()
        ]
        assert told(capsys) == lines


@pytest.mark.slow
def test_a_run_begun_on_eight_devices_goes_on_on_three(tmp_path, capsys):
    fields = kinds()
    fields.stages = ("gan", "hallucinate", "levels", "scores")
    fields.scores.fit.batch_size = 3
    with killed(loop.Report, "validation", 4 + 2 + 2):  # in the last update of `scores`
        run(tmp_path, fields, 8)
    assert not list(tmp_path.rglob("predictions.csv"))
    capsys.readouterr()
    resumed = run(tmp_path, fields, 3)
    assert "stage scores: batch 3 on 3 of 3 devices" in told(capsys)
    whole = run(tmp_path / "whole", fields, 3)
    np.testing.assert_allclose(resumed.prediction, whole.prediction, atol=1e-3)
