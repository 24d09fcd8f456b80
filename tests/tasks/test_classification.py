"""Classifiers of quality levels: results computed in NumPy, resume, refusals."""

import csv
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from fits import fit
from flax import linen as nn
from scipy import special

from jiqa.data.levels import quality_levels
from jiqa.data.pipeline import source
from jiqa.data.protocols import Split
from jiqa.data.sampling import View
from jiqa.errors import InputError
from jiqa.tasks.levels import TABLE, Levels, LevelsConfig
from jiqa.train import log, mesh
from jiqa.train.dataset import Dataset
from jiqa.train.optim import Optim

MESH = mesh.make(jax.devices()[:1])
HOW = LevelsConfig(epochs=10, batch_size=8, log_every=1, optim=Optim(learning_rate=0.3))
ROWS = np.split(np.random.default_rng(0).permutation(48), [32, 40])
SPLIT = Split("split0", *map(np.sort, ROWS), seed=0, hash="", seen=frozenset())


class Deviation(nn.Module):
    """A network with logits from the standard deviation of an image, which shows noise."""

    outputs: int = 3

    @nn.compact
    def __call__(self, image, train=False):
        logits = nn.Dense(self.outputs, name="head")(20 * image.std((1, 2)) - 4)
        return (logits if self.outputs > 1 else logits[:, 0]), {}


@pytest.fixture(scope="module")
def data():
    index, records = tiny.database()
    index = dataclasses.replace(index, level=quality_levels(index, 3))
    blocks = source(index, records, View(resize=None, crop=32, blocks=2), resident_mb=64, workers=0)
    return Dataset(index, blocks)


@pytest.fixture(scope="module")
def variables():
    return initial(Deviation())


def initial(model):
    return model.init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))


def train(data, variables, folder, split=SPLIT, how=HOW):
    return fit(Levels(), Deviation(), variables, data, split, how, folder, MESH, 0)


@pytest.fixture(scope="module")
def finished(data, variables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "levels"
    return train(data, variables, folder), folder


def logits(trained, data, rows):
    """Mean logits over the crops of each image, in NumPy."""
    head = jax.tree.map(np.asarray, trained.variables["params"]["head"])
    found = []
    for batch in data.source.eval_batches(rows, 1):
        blocks = np.asarray(data.source.images(data.source.arrays, batch))[0] / 255
        assert blocks.shape == (2, 32, 32, 3)
        found.append(((20 * blocks.std((1, 2)) - 4) @ head["kernel"] + head["bias"]).mean(0))
    return np.array(found)


def test_the_state_of_the_highest_accuracy_is_selected(finished, data):
    trained, folder = finished
    rows = [row for row in log.read(folder / "metrics.csv") if row["val_accuracy"]]
    accuracy = {int(row["step"]): float(row["val_accuracy"]) for row in rows}
    assert accuracy[trained.facts["selected_step"]] == max(accuracy.values()) >= 0.75
    found = logits(trained, data, SPLIT.val)
    level = data.index.level[SPLIT.val]
    row = next(row for row in rows if int(row["step"]) == trained.facts["selected_step"])
    assert float(row["val_accuracy"]) == pytest.approx((found.argmax(1) == level).mean())
    loss = -special.log_softmax(found, axis=1)[np.arange(len(level)), level].mean()
    assert float(row["val_loss"]) == pytest.approx(loss, rel=1e-4)


def test_the_table_counts_the_images_of_the_test_part(finished, data):
    trained, folder = finished
    taken, level = logits(trained, data, SPLIT.test).argmax(1), data.index.level[SPLIT.test]
    with (folder / TABLE).open() as file:
        lines = [tuple(map(int, row.values())) for row in csv.DictReader(file)]
    places = [(i, j) for i in range(3) for j in range(3)]
    assert lines == [(i, j, int(((level == i) & (taken == j)).sum())) for i, j in places]
    assert trained.facts["test_images"] == 8
    assert trained.facts["accuracy"] == pytest.approx((taken == level).mean())


def test_the_prediction_is_the_expected_quality(finished, data):
    trained, _ = finished
    rows = np.arange(48)
    quality = special.softmax(logits(trained, data, rows), axis=1) @ [1, 0.5, 0]
    np.testing.assert_allclose(trained.predict(data, rows), quality, rtol=1e-4, atol=1e-5)
    assert np.corrcoef(quality, data.index.quality)[0, 1] > 0.8


class Killed(Exception):
    pass


def test_a_training_killed_and_resumed_ends_as_one_never_killed(
    finished, data, variables, tmp_path, monkeypatch
):
    whole, _ = finished
    batches = type(data.source).train_batches

    def cut_short(self, *args, **kwargs):
        for number, batch in enumerate(batches(self, *args, **kwargs)):
            if number == 22:
                raise Killed
            yield batch

    monkeypatch.setattr(type(data.source), "train_batches", cut_short)
    with pytest.raises(Killed):
        train(data, variables, tmp_path)
    assert not (tmp_path / TABLE).exists()
    resumed = train(data, variables, tmp_path)  # 40 steps in all: it can't have begun anew
    jax.tree.map(np.testing.assert_array_equal, resumed.variables, whole.variables)
    assert {**resumed.facts, "seconds": 0} == {**whole.facts, "seconds": 0}


def test_a_finished_training_reads_its_table(finished, data, variables, monkeypatch):
    trained, folder = finished
    before = (folder / TABLE).read_bytes()
    monkeypatch.setattr(type(data.source), "eval_batches", None)
    again = train(data, variables, folder)
    assert again.facts == trained.facts
    assert (folder / TABLE).read_bytes() == before


def test_without_a_test_or_a_validation_part_nothing_is_measured(data, variables, tmp_path):
    none = np.array([], int)
    split = dataclasses.replace(SPLIT, val=none, test=none)
    how = dataclasses.replace(HOW, updates=2)
    trained = train(data, variables, tmp_path, split, how)
    assert set(trained.facts) == {"steps", "seconds", "selected_step"}
    assert not (tmp_path / TABLE).exists()


@pytest.mark.parametrize(("outputs", "shift"), [(1, 0), (4, 0), (3, 1)])
def test_levels_other_than_the_models_are_refused(data, tmp_path, outputs, shift):
    index = dataclasses.replace(data.index, level=data.index.level + shift)
    model = Deviation(outputs)
    variables, changed = initial(model), dataclasses.replace(data, index=index)
    levels = "1, 2, 3" if shift else "0, 1, 2"
    with pytest.raises(InputError, match=rf"tiny: found levels {levels} and a .* {outputs} output"):
        fit(Levels(), model, variables, changed, SPLIT, HOW, tmp_path, MESH, 0)
