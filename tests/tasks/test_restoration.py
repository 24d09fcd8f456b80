"""Training of restorers: update by hand, stages shared by splits and runs, held-out pairs."""

import csv
import functools
import hashlib
import json
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import skimage.data
import skimage.metrics
from fits import fit
from flax import linen as nn
from kills import killed
from ml_collections import ConfigDict
from PIL import Image
from skimage import color

from jiqa import models
from jiqa.cli import main
from jiqa.data.protocols import Split
from jiqa.data.sampling import View
from jiqa.databases.load import load_index
from jiqa.databases.pairs import Distorted, distorted
from jiqa.databases.photographs import load
from jiqa.errors import InputError
from jiqa.experiment import run as experiment
from jiqa.images import decode
from jiqa.metrics.fr.ssim import ssim_map
from jiqa.results.predictions import read_predictions
from jiqa.tasks import restore as restoration
from jiqa.tasks import restore_update
from jiqa.tasks.restore import FIGURES, TABLE, Restore, RestoreConfig
from jiqa.tfds_builders.pocket import pocket_dataset_builder as pocket
from jiqa.train import loop as train
from jiqa.train import mesh
from jiqa.train.checkpoint import Checkpoints
from jiqa.train.dataset import Dataset
from jiqa.train.optim import Optim
from jiqa.train.update import init_state

MESH = mesh.make(jax.devices()[:1])


class Scaled(nn.Module):
    """A restorer `weight * image` with a constant map, so that a loss can be computed by hand."""

    @nn.compact
    def __call__(self, image, train=False):
        weight = self.param("weight", nn.initializers.constant(0.5), ())
        return weight * image, {"ssim_map": jnp.full(image.shape[:3], 0.25)}


def stored(arrays, batch):
    return batch["image"]


@pytest.fixture
def batch():
    pixels = np.random.default_rng(0).integers(1, 255, (2, 1, 16, 16, 2, 3), np.uint8)
    pixels[..., 1, :] |= 1  # half of an odd number is no reference: no error is 0
    return {"image": pixels}


def test_loss_and_update_are_those_worked_out_by_hand(batch):
    ref, image = (batch["image"][:, 0, :, :, i].astype(np.float64) / 255 for i in (0, 1))
    truth = np.asarray(ssim_map(jnp.asarray(image, jnp.float32), jnp.asarray(ref, jnp.float32)))
    expected = np.abs(0.5 * image - ref).mean() + 3 * np.abs(0.25 - truth).mean()
    slope = (np.sign(0.5 * image - ref) * image).mean()
    optimiser = optax.sgd(0.1)
    state = init_state({"params": {"weight": jnp.float32(0.5)}}, optimiser, 0)
    update = restore_update.make_update(Scaled(), optimiser, stored, 1.0, 3.0)
    state, metrics = jax.jit(update)(state, batch, {})
    assert float(metrics["loss"]) == pytest.approx(expected, rel=1e-5)
    assert float(state.params["weight"]) == pytest.approx(0.5 - 0.1 * slope, rel=1e-5)
    measure = restore_update.make_judge(Scaled(), stored, 1.0, 0.0)
    measured = jax.jit(measure)({"params": {"weight": jnp.float32(0.5)}}, batch, {})
    for i in range(2):
        decibels = skimage.metrics.peak_signal_noise_ratio(ref[i], 0.5 * image[i], data_range=1)
        loss = np.abs(0.5 * image[i] - ref[i]).mean()
        np.testing.assert_allclose(measured[i], [loss, decibels], rtol=1e-5)


def config(photographs="", **changes):
    """Config of a restorer and a stage of PSNR on `pocket`, which runs in seconds."""
    photograph_pairs = {"photographs": photographs, "val": 1, "held_out": 1} if photographs else {}
    pairs = {"view": {"resize": None, "crop": 32, "blocks": 1}, **photograph_pairs}
    fit = {"updates": 3, "batch_size": 4, "log_every": 1, "optim": {"learning_rate": 1e-3}}
    fit["evaluate_updates"] = 1
    stage = {
        "task": "restore",
        "pairs": pairs,
        "model": {"name": "unet", "width": 2, "carry": False},
    }
    whole = {"resize": None, "crop": 16, "blocks": 1}
    return ConfigDict(
        {
            "run": "tiny-psnr",
            "data": {
                "database": "pocket",
                "config": "",
                "data_dir": "",
                "resident_mb": 0,
                "workers": 0,
            },
            "protocol": {"kind": "random", "n": 1, "test": 0.34, "val": 0.34},
            "view": whole,
            "tests": {},
            "weights": "",
            "model": {},
            "stages": ("ssim_map", "restore", "measure"),
            "ssim_map": {**stage, "fit": {**fit, "restore_weight": 0.0, "ssim_weight": 1.0}},
            "restore": {**stage, "fit": {**fit, "ssim_weight": 0.5}},
            "measure": {"task": "metric", "model": stage["model"], "fit": {"metric": "psnr"}},
            **changes,
        }
    )


@pytest.fixture(scope="module", autouse=True)
def small_pocket(tmp_path_factory):
    """A pocket database of three photographs and one type of distortion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JIQA_DATA_DIR", str(tmp_path_factory.mktemp("databases")))
        patch.setattr(pocket, "PHOTOGRAPHS", pocket.PHOTOGRAPHS[3:6])
        patch.setattr(pocket, "FAMILIES", {"pocket": {"jpeg": pocket.FAMILIES["pocket"]["jpeg"]}})
        yield


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for name in ("chelsea", "rocket", "astronaut"):
        pixels = getattr(skimage.data, name)()[60:108, 80:144]
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A run whose restorer learns from the database's own pairs."""
    folder = tmp_path_factory.mktemp("own")
    return experiment.run(config(), str(folder / "run"), mesh=MESH, root=str(folder))


@pytest.fixture(scope="module")
def photograph_pairs(tmp_path_factory, photographs):
    """Two runs whose restorer learns from the same photographs, one after the other."""
    folder = tmp_path_factory.mktemp("photograph_pairs")
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        counted = _counted(Distorted.train_batches, calls)
        patch.setattr(Distorted, "train_batches", counted)
        for name in ("first", "second"):
            fields = config(str(photographs), run=f"{name}-psnr")
            fields.protocol.n = 2
            experiment.run(fields, str(folder / name), mesh=MESH, root=str(folder))
    return folder, calls


def _counted(function, calls):
    def counted(self, rows, size, seed, start, stop, **rest):
        calls.append(stop - start)
        return function(self, rows, size, seed, start, stop, **rest)

    return counted


def table(folder):
    with (folder / TABLE).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_own_pairs_are_of_the_split_and_the_held_out_ones_are_its_test_images(own):
    rows = table(own / "split0" / "restore")
    (tested,) = read_predictions(own)
    assert [row["id"] for row in rows] == tested.id.tolist()
    assert not (own / "split0" / "ssim_map" / TABLE).exists()
    for row, psnr in zip(rows, tested.prediction, strict=True):
        assert float(row["restored_psnr"]) == pytest.approx(psnr, rel=1e-4)
        assert all(np.isfinite(float(row[name])) for name in FIGURES)
    assert (own / "split0" / "restore" / "restored.png").stat().st_size > 0


@pytest.mark.slow
def test_what_a_restorer_has_seen_is_kept_and_is_not_tested_on(own):
    index, _ = load_index("pocket")
    (tested,) = read_predictions(own)
    others = set(index.content_id) - set(tested.content_id)
    hashes = {hashlib.sha256(f"{index.family}/{id}".encode()).hexdigest()[:16] for id in others}
    for stage in ("ssim_map", "restore"):
        facts = json.loads((own / "split0" / stage / "stage.json").read_text())
        assert facts["seen"] == sorted(hashes)
    data = mock.Mock(index=index)
    leaking = Split("split0", *[np.arange(len(index))] * 3, 0, "", frozenset())
    with pytest.raises(InputError, match="was trained on and is to be tested on"):
        fit(Restore(), None, None, data, leaking, RestoreConfig(), own, MESH, 0)


@pytest.mark.slow
def test_a_restorer_killed_and_resumed_ends_as_one_never_killed(own, tmp_path):
    def again():
        return experiment.run(config(), str(tmp_path / "run"), mesh=MESH, root=str(tmp_path))

    with killed(train.Report, "validation", 3 + 2):  # after the second update of `restore`
        again()
    stage = tmp_path / "run" / "split0" / "restore"
    assert not (stage / TABLE).exists()
    with Checkpoints(stage / "checkpoints") as checkpoints:
        assert checkpoints.latest == 1
    folders = [run / "split0" for run in (again(), own)]
    learned = []
    for folder in folders:
        with Checkpoints(folder / "restore" / "checkpoints") as checkpoints:
            learned.append(checkpoints.variables(3)["params"])
    jax.tree.map(np.testing.assert_array_equal, *learned)
    for name in (f"restore/{TABLE}", "predictions.csv"):
        ours, theirs = ((folder / name).read_bytes() for folder in folders)
        assert ours == theirs


@pytest.mark.slow
def test_a_stage_with_photographs_of_its_own_is_trained_once(photograph_pairs):
    folder, calls = photograph_pairs
    stages = sorted(
        path.name.split("-")[0] for path in (folder / "stages").iterdir() if path.is_dir()
    )
    assert stages == ["restore", "ssim_map"]
    assert [count for count in calls if count] == [3, 3]
    facts = json.loads((folder / "second" / "split1" / "split.json").read_text())["stages"]
    assert facts["restore"]["folder"].startswith(str(folder / "stages" / "restore-"))
    scores = {t.run: t.prediction for t in read_predictions(folder / "first")}
    again = {t.run: t.prediction for t in read_predictions(folder / "second")}
    np.testing.assert_array_equal(scores["first-psnr"], again["second-psnr"])


@pytest.mark.slow
def test_what_is_restored_is_of_photographs_that_were_held_out(photograph_pairs, photographs):
    (restored,) = (photograph_pairs[0] / "stages").glob("restore-*/")
    rows = table(restored)
    assert len(rows) == 20
    assert len({row["content_id"] for row in rows}) == 1
    pristine = decode((photographs / f"{rows[0]['content_id']}.png").read_bytes())
    source = distorted(load(str(photographs)), View(None, 32, 1))
    for row in rows[::7]:
        (number,) = np.flatnonzero(source.index.id == row["id"])
        image = source.load(number)[:, :, 1]
        expected = skimage.metrics.peak_signal_noise_ratio(pristine, image)
        assert float(row["psnr"]) == pytest.approx(expected, rel=1e-4)


def test_the_predicted_map_follows_the_true_one_of_a_photograph_never_seen(
    photographs, tmp_path, monkeypatch
):
    monkeypatch.setattr(restoration, "evaluate", lambda *_: None)
    source = distorted(load(str(photographs)), View(None, 32, 1))
    source.make()
    rows = np.flatnonzero(source.index.distortion == "white_noise")  # the others take longer
    train, test = np.split(rows, [2 * len(rows) // 3])
    split = Split("split0", train, rows[:0], test, 0, "", frozenset())
    optim = Optim(learning_rate=5e-3, warmup=0.05)
    how = RestoreConfig(
        updates=150, evaluate_updates=150, batch_size=8, ssim_weight=1.0, optim=optim
    )
    model = models.build("unet", width=4, carry=False, residual=True)
    fresh = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    data = Dataset(source.index, source)
    trained = fit(Restore(), model, fresh, data, split, how, tmp_path, MESH, 0)
    restore_one = restoration.restorer(model, trained.variables)
    maps = []
    for row in test:
        ref, image = np.moveaxis(source.load(row), 2, 0)
        similarity = functools.partial(
            skimage.metrics.structural_similarity,
            gaussian_weights=True,
            use_sample_covariance=False,
            data_range=255,
            full=True,
        )
        truth = similarity(*(color.rgb2gray(x) * 255 for x in (ref, image)))[1]
        maps.append((restore_one(image)[1], truth))
    predicted, true = np.stack(maps, axis=1).reshape(2, -1)
    found = np.corrcoef(predicted, true)[0, 1]
    assert found > 0.3


def test_photographs_of_the_tested_database_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"ssim_map.pairs: found photographs of the family pocket"):
        experiment.run(config("pocket"), str(tmp_path / "run"), mesh=MESH, root=str(tmp_path))
    references = tmp_path / "photographs"
    references.mkdir()
    found = load("pocket")
    for i in (0, 20, 26):
        Image.fromarray(found.load(i)).save(references / f"{i}.png")
    with pytest.raises(InputError, match=r"found 0 in .* looks like .* of pocket"):
        experiment.run(
            config(str(references)), str(tmp_path / "run"), mesh=MESH, root=str(tmp_path)
        )
    assert not (tmp_path / "run").exists()


def test_stages_that_cannot_be_are_told_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "load_index", None)
    for photographs, stages, message in (
        ("", ("restore",), "stages: found restore at the end"),
        ("folder", ("measure", "restore", "measure"), "photographs of its own after a stage that"),
    ):
        fields = config(photographs, stages=stages)
        with pytest.raises(InputError, match=message):
            experiment.run(fields, str(tmp_path / "run"), mesh=MESH, root=str(tmp_path))


def test_a_restorer_without_pairs_is_refused(tmp_path):
    fields = config()
    del fields.restore.pairs
    with pytest.raises(InputError, match=r"restore\.pairs: found none, expected some"):
        experiment.run(fields, str(tmp_path / "run"), mesh=MESH, root=str(tmp_path))


@pytest.mark.slow
def test_photographs_are_restored_by_the_command(photograph_pairs, photographs, tmp_path, capsys):
    (stage,) = (photograph_pairs[0] / "stages").glob("restore-*/")
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a picture")
    out = tmp_path / "out"
    files = [str(photographs), str(broken)]
    assert main.main(["restore", *files, "-o", str(out), "--checkpoint", str(stage)]) != 0
    assert "broken.jpg: 13 bytes of no known format" in capsys.readouterr().err
    names = [
        f"{name}{end}.png" for name in ("astronaut", "chelsea", "rocket") for end in ("", "_map")
    ]
    assert sorted(path.name for path in out.iterdir()) == names
    for name in ("astronaut", "chelsea"):
        restored, beside = (decode((out / f"{name}{end}.png").read_bytes()) for end in ("", "_map"))
        assert restored.shape == (48, 64, 3)
        np.testing.assert_array_equal(beside[:, :64], restored)
    (tmp_path / "chelsea_map.png").write_bytes((photographs / "chelsea.png").read_bytes())
    both = ["restore", str(photographs / "chelsea.png"), str(tmp_path / "chelsea_map.png")]
    assert main.main([*both, "-o", str(out / "new"), "--checkpoint", str(stage)]) != 0
    assert "found another photograph at" in capsys.readouterr().err
    again = ["restore", str(out / "chelsea.png"), "-o", str(out), "--checkpoint", str(stage)]
    before = (out / "chelsea.png").read_bytes()
    assert main.main(again) != 0
    assert "found another photograph at" in capsys.readouterr().err
    assert (out / "chelsea.png").read_bytes() == before
    assert (
        main.main(["restore", str(photographs), "-o", str(out), "--checkpoint", str(tmp_path)]) != 0
    )
    assert "found no stage.json" in capsys.readouterr().err
