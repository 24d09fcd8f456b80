"""Training of DT-GANs on pictures in memory: levels, kill and resume, collapse, `seen`."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from fits import fit
from PIL import Image
from tasks.test_gan import PHI, START, Toy

from jiqa import models
from jiqa.data.pipeline import View, source
from jiqa.data.protocols import Protocol
from jiqa.data.unpaired import Unpaired
from jiqa.errors import InputError
from jiqa.tasks import gan as generation
from jiqa.tasks import gan_update
from jiqa.tasks.gan import Gan, GanConfig
from jiqa.train import log, mesh
from jiqa.train.dataset import Dataset
from jiqa.train.optim import Optim

MESH = mesh.make(jax.devices()[:1])
VIEW = View(resize=None, crop=24, blocks=1)
ADAM = Optim("adam", 1e-3, schedule="linear", momentum=0.5)
HOW = GanConfig(
    updates=5,
    batch_size=2,
    optim=ADAM,
    evaluate_updates=1,
    log_every=1,
    levels=2,
    by_type=False,
    semantic_weight=0.0,
    history=4,
)


@pytest.fixture(scope="module")
def given():
    """A database, a split of it, and pristine photographs."""
    index, records = tiny.database(24, 32, 12)
    photographs = source(*tiny.database(7, 30, 7, "photographs"), VIEW, resident_mb=1, workers=0)
    scored = source(index, records, VIEW, resident_mb=0, workers=0)
    both = Unpaired(photographs, scored, np.arange(4), np.arange(4, 7))
    (split,) = Protocol(test=0.25, val=0).splits(index)
    return Dataset(index, both), split


def toys(number=0.9):
    parts = START | {"d_generator": number, "backbone": PHI}
    return {"params": {name: {"number": jnp.float32(each)} for name, each in parts.items()}}


@pytest.fixture(scope="module")
def trained(given, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gan")
    return fit(Gan(), Toy(), toys(), *given, HOW, folder, MESH, 0), folder


class Killed(Exception):
    pass


def test_a_training_killed_and_resumed_ends_as_one_never_killed(
    given, trained, tmp_path, monkeypatch
):
    calls = []
    whole = Unpaired.train_batches

    def killed(self, rows, size, seed, first, last, **rest):
        calls.append((first, last))
        for number, batch in enumerate(whole(self, rows, size, seed, first, last, **rest)):
            # Batches are put on the devices before their turn: the second update is done.
            if len(calls) == 2 and number == 4:
                raise Killed
            yield batch

    monkeypatch.setattr(Unpaired, "train_batches", killed)
    with pytest.raises(Killed):
        fit(Gan(), Toy(), toys(), *given, HOW, tmp_path, MESH, 0)
    again = fit(Gan(), Toy(), toys(), *given, HOW, tmp_path, MESH, 0)
    assert calls == [(0, 5), (0, 5), (5, 5), (2, 5)]
    jax.tree.map(np.testing.assert_array_equal, again.variables, trained[0].variables)
    rows = log.read(tmp_path / "all-1" / "metrics.csv")
    assert [int(row["step"]) for row in rows if row["loss"]] == [1, 2, 3, 4, 5]


def test_each_dt_gan_has_moved_its_own_way(trained):
    variables = trained[0].variables
    assert list(variables) == ["all-0", "all-1"]
    first, second = (variables[name]["params"] for name in variables)
    assert [variables[name]["step"] for name in variables] == [5, 5]
    for params in (first, second):
        moved = [abs(float(params[name]["number"]) - START[name]) for name in gan_update.NETWORKS]
        # Five updates of Adam by the rate at most, of which the last two are less.
        assert 1e-4 < min(moved) <= max(moved) < 5e-3
    assert any(first[name]["number"] != second[name]["number"] for name in gan_update.NETWORKS)


@pytest.mark.slow
def test_a_dt_gan_learns_in_all_its_parts(given, tmp_path):
    model = models.build("dt_gan", width=1, blocks=0)
    made = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 24, 24, 3)))
    rng = np.random.default_rng(0)
    start = jax.tree.map(lambda leaf: np.float32(rng.normal(0, 0.3, leaf.shape)), made)
    how = dataclasses.replace(HOW, updates=1, levels=1, history=0)
    result = fit(Gan(), model, start, *given, how, tmp_path, MESH, 0)
    params = result.variables["all-0"]["params"]
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), params, start["params"])
    # Adam's first update is by the rate, wherever there is a gradient.
    np.testing.assert_allclose(jax.tree.leaves(moved), 1e-3, rtol=1e-2)
    assert 0 < result.facts["gans"]["all-0"]["change"] < 1


def test_what_is_left_and_told(given, trained):
    (data, split), (result, folder) = given, trained
    facts = json.loads(json.dumps(result.facts))
    assert facts["steps"] == 10
    assert facts["seen"] == sorted(set(data.index.content_hash[split.train]))
    assert sum(each["images"] for each in facts["gans"].values()) == len(split.train)
    for name, about in facts["gans"].items():
        assert about["steps"] == 5
        assert (folder / name / generation.CURVES).exists()
        images = np.stack([data.source.pristine.load(row) for row in (4, 5, 6)])
        images = images[:, 3:27, 3:27] / np.float32(255)
        number = result.variables[name]["params"]["d_generator"]["number"]
        changes = (number - 1) * images
        assert about["change"] == pytest.approx(np.abs(changes).mean(), rel=1e-4)
        assert about["change_spread"] == pytest.approx(changes.std(axis=0).mean(), rel=1e-4)
        rows = log.read(folder / name / "metrics.csv")
        assert float(rows[-1]["val_change"]) == pytest.approx(about["change"], rel=1e-4)
        assert all(np.isfinite(float(rows[0][each])) for each in gan_update.METRICS)
    height, width = np.array(Image.open(folder / generation.SHEET)).shape[:2]
    column = 8 * len("level 0, recovered") + 4  # names are wider than these pictures
    assert (height, width) == (60 + 3 * 28, 300 + 5 * column)
    with pytest.raises(InputError, match=r"stages: found one without scores at the end"):
        result.predict(data, split.test)


class Counted(Toy):
    """A network that counts its traces; each trace of an update makes three calls."""

    def judge_pristine(self, image):
        CALLS.append(image.shape)
        return super().judge_pristine(image)


CALLS = []


def test_types_and_levels_share_one_compiled_update_and_phi_stays(given, tmp_path):
    CALLS.clear()
    how = dataclasses.replace(HOW, by_type=True, semantic_weight=1.0, updates=2)
    result = fit(Gan(), Counted(), toys(), *given, how, tmp_path, MESH, 0)
    names = ["grain-0", "grain-1", "white_noise-0", "white_noise-1"]
    assert list(result.variables) == list(result.facts["gans"]) == names
    assert len(CALLS) == 3
    assert all(
        set(each["params"]) == set(gan_update.NETWORKS) for each in result.variables.values()
    )
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == names


@pytest.mark.parametrize(
    ("number", "said"), [(1.0, "its images are the photographs"), (0.0, "its images are alike")]
)
def test_a_generator_that_does_nothing_or_one_thing_only_is_told(
    given, tmp_path, capsys, number, said
):
    how = dataclasses.replace(HOW, updates=1, optim=dataclasses.replace(ADAM, learning_rate=1e-9))
    result = fit(Gan(), Toy(), toys(number), *given, how, tmp_path, MESH, 0)
    assert result.facts["collapsed"] == ["all-0", "all-1"]
    assert f"all-1: collapsed, {said}" in capsys.readouterr().err
    healthy = fit(Gan(), Toy(), toys(0.8), *given, how, tmp_path / "healthy", MESH, 0)
    assert healthy.facts["collapsed"] == []


def test_levels_are_of_the_training_images_alone_and_the_best_comes_first(given):
    (data, split) = given
    index, scores = data.index, data.index.score
    found = generation.groups(index, split.train, dataclasses.replace(HOW, levels=3))
    parts = [np.sort(scores[rows]) for rows in found.values()]
    expected = np.array_split(np.sort(scores[split.train])[::-1], 3)
    for part, each in zip(parts, expected, strict=True):
        np.testing.assert_array_equal(part, np.sort(each))
    by_type = generation.groups(index, split.train, dataclasses.replace(HOW, by_type=True))
    for name, rows in by_type.items():
        assert set(index.distortion[rows]) == {name.rpartition("-")[0]}
    many = dataclasses.replace(HOW, levels=len(split.train) + 1)
    with pytest.raises(InputError, match=r"levels: found 19 of the 18 training images of all"):
        generation.groups(index, split.train, many)


def test_a_split_whose_test_images_share_a_content_is_refused(given, tmp_path):
    data, split = given
    leaking = dataclasses.replace(split, test=split.train[:1])
    with pytest.raises(InputError, match=r"was trained on and is to be tested on"):
        fit(Gan(), Toy(), toys(), data, leaking, HOW, tmp_path, MESH, 0)


def test_what_does_not_go_together_is_told_before_anything_is_trained(given, tmp_path):
    for changes, message in (
        ({"history": 3}, r"history: found 3, expected a multiple of the 2 images"),
        ({"semantic_weight": 1.0}, r"model.backbone: found none, expected one"),
    ):
        variables = {"params": dict(toys()["params"])}
        del variables["params"]["backbone"]
        how = dataclasses.replace(HOW, **changes)
        with pytest.raises(InputError, match=message):
            fit(Gan(), Toy(), variables, *given, how, tmp_path, MESH, 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"select": "best"}, "select: found 'best', expected last"),
        ({"levels": 0}, "levels: found 0, expected 1 or more"),
        ({"cycle_weight": -1.0}, "cycle_weight: found -1.0, expected 0 or more"),
        ({"history": -2}, "history: found -2, expected 0 or more"),
        ({"optim": Optim(rates={"sc1": 0.5})}, "optim.rates: found sc1, expected none"),
    ],
)
def test_bad_fields_are_named(fields, message):
    with pytest.raises(InputError, match=message):
        GanConfig(**fields)
