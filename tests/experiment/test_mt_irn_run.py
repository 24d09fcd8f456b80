"""The whole MT-IRN recipe of the default config, with few updates."""

import jax
import numpy as np
import pytest

from jiqa.configs import mt_irn
from jiqa.experiment import run
from jiqa.results.predictions import read_predictions
from jiqa.tasks import restore
from jiqa.tfds_builders.pocket import pocket_dataset_builder as pocket
from jiqa.train import mesh
from jiqa.train.checkpoint import Checkpoints

pytestmark = pytest.mark.slow
STAGES = ("ssim_map", "restore", "head", "all")


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Folder of the split of a finished run."""
    fields = mt_irn.get_config("")
    assert fields.stages == STAGES
    for name in STAGES:
        fit = fields[name].fit
        fit.updates, fit.batch_size = 2, 4
        if name in ("head", "all"):
            fields[name].model.restorer.width = 6
        else:
            fields[name].model.width, fields[name].pairs.view.crop = 6, 32
    fields.view.crop, fields.view.test_blocks = 32, 1
    root = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JIQA_DATA_DIR", str(root / "databases"))
        patch.setattr(pocket, "PHOTOGRAPHS", pocket.PHOTOGRAPHS[2:6])
        patch.setattr(pocket, "FAMILIES", {"pocket": {"jpeg": pocket.FAMILIES["pocket"]["jpeg"]}})
        patch.setattr(restore, "evaluate", lambda *_: None)  # see test_restoration.py
        one = mesh.make(jax.devices()[:1])
        return run.run(fields, str(root / "run"), mesh=one, root=str(root)) / "split0"


def learned(split, stage):
    with Checkpoints(split / stage / "checkpoints") as checkpoints:
        return jax.tree.map(np.asarray, checkpoints.variables(2)["params"])


def changed(a, b):
    """Whether any leaf differs, and whether every leaf differs."""
    differ = [not np.array_equal(*pair) for pair in zip(*map(jax.tree.leaves, (a, b)), strict=True)]
    return any(differ), all(differ)


def test_all_four_stages_lead_to_scores(split):
    assert {path.parent.name for path in split.glob("*/stage.json")} == set(STAGES)
    (table,) = read_predictions(split.parent)
    assert np.isfinite(table.prediction).all()
    assert np.ptp(table.prediction) > 0


def test_restore_begins_with_the_map_s_network_and_leaves_its_head(split):
    first, second = learned(split, "ssim_map"), learned(split, "restore")
    assert not changed(first["d6"], second["d6"])[0]
    assert changed(first["d5"], second["d5"])[1]


def test_the_restorer_is_frozen_at_first_and_learns_at_last(split):
    restored, head, last = (learned(split, name) for name in STAGES[1:])
    assert not changed(restored, head["restorer"])[0]
    assert changed(head["restorer"], last["restorer"])[0]
    assert changed(head["backbone"], last["backbone"])[0]
    assert changed(head["hidden"], last["hidden"])[0]
