"""A toy method in one file, as in `docs/adding_a_method.md`: no module of jiqa is edited.

The toy task uses every feature of the interface that a paper's method needs.
"""

import csv
import dataclasses
import json
from unittest import mock

import fits
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from flax import linen as nn
from flax import traverse_util
from ml_collections import ConfigDict

from jiqa import models
from jiqa.data.pipeline import Streamed
from jiqa.data.protocols import Protocol
from jiqa.data.sampling import View
from jiqa.databases.pairs import Paired
from jiqa.errors import InputError
from jiqa.experiment import run as experiment
from jiqa.experiment.trained_metric import TrainedMetric
from jiqa.results import plots
from jiqa.results.predictions import read_predictions
from jiqa.tasks import TASKS, Descent, Fitted
from jiqa.train import mesh, supervised, update
from jiqa.train.dataset import Dataset
from jiqa.train.loop import DescentConfig
from jiqa.train.objective import Criterion, Objective, exhausted
from jiqa.train.predict import predictor

MESH = mesh.make(jax.devices()[:1])
GROUP = 4


class Toy(nn.Module):
    """Deviation of a crop -> quality, with a weight, a class and a distribution beside it."""

    @nn.compact
    def __call__(self, image, train=False):
        deviation = image.std((1, 2)).mean(-1, keepdims=True)
        hidden = nn.relu(nn.Dense(8, name="backbone")(4 * deviation))
        out = {
            "weight": nn.softplus(nn.Dense(1, name="weight")(hidden))[:, 0],
            "level": nn.Dense(2, name="level")(hidden),
            "distribution": nn.Dense(3, name="distribution")(hidden),
        }
        return nn.Dense(1, name="head")(hidden)[:, 0], out


@dataclasses.dataclass(frozen=True)
class ToyConfig(DescentConfig):
    """A loss of several parts on groups of images of one photograph.

    Attributes:
        pooling: of the crops of an image.
        rank_weight: of the hinge on pairs within a group.
    """

    pooling: str = "weights"
    rank_weight: float = 1.0


class ToyTask(Descent[ToyConfig]):
    config = ToyConfig

    def objective(self, context):
        index, rows = context.dataset.index, context.split.val
        predict = self._predict(context)

        def loss(prediction, out, targets):
            there = targets.get("mask", jnp.ones(len(prediction), bool)).astype(jnp.float32)
            parts = {
                "score_loss": (there * jnp.abs(prediction - targets["quality"])).sum()
                / there.sum(),
                "level_loss": _cross_entropy(out["level"], jax.nn.one_hot(targets["level"], 2)),
                "distribution_loss": _cross_entropy(out["distribution"], targets["distribution"]),
            }
            grouped = prediction.reshape(-1, GROUP, context.dataset.source.view.blocks).mean(-1)
            falls = jnp.diff(grouped, axis=1)  # a group comes from the best to the worst
            parts["rank_loss"] = nn.relu(0.05 + falls).mean()
            return sum(parts.values()), parts

        def make_update(optimiser):
            images, columns = context.dataset.source.images, ("quality", "level", "distribution")
            return supervised.make_update(context.model, loss, optimiser, images, columns)

        def validate(variables):
            if not len(rows):
                return {"val_loss": np.nan, "val_mae": np.nan}
            error = np.abs(predict(variables, context.dataset, rows) - index.quality[rows])
            return {"val_loss": float(np.square(error).mean()), "val_mae": float(error.mean())}

        return Objective(
            context.dataset,
            _groups(index, context.split.train),
            make_update,
            validate,
            Criterion("val_mae", "lower"),
            columns={
                "quality": index.quality,
                "level": (index.quality < 0.5).astype(np.int32),
                "distribution": _distribution(index.quality),
            },
            logged=("score_loss", "level_loss", "distribution_loss", "rank_loss", "val_mae"),
        )

    def fitted(self, context, variables):
        predict = self._predict(context)
        return Fitted(lambda dataset, rows: predict(variables, dataset, rows), variables, {})

    def report(self, context, fitted):
        super().report(context, fitted)
        rows = context.split.test
        crops = {str(row): [context.dataset.source.middle(row) / 255] for row in rows[:2]}
        plots.sheet(crops, ["crop"], context.folder / "toy.png", context.title)

    def _predict(self, context):
        config = context.config
        return predictor(context.model, config.batch_size, context.devices, config.pooling)


def _groups(index, rows):
    """Groups of rows int [g, GROUP], each of one photograph, from the best to the worst."""
    found = []
    for content in np.unique(index.content_id[rows]):
        mine = rows[index.content_id[rows] == content][:GROUP]
        if len(mine) == GROUP:
            found.append(mine[np.argsort(-index.quality[mine])])
    return np.array(found)


def _distribution(quality):
    """Shares of three grades, float32 [n, 3]."""
    distance = np.abs(quality[:, None] - np.array([0.0, 0.5, 1.0]))
    return (np.exp(-4 * distance) / np.exp(-4 * distance).sum(1, keepdims=True)).astype(np.float32)


def _cross_entropy(logits, shares):
    return -(shares * jax.nn.log_softmax(logits)).sum(-1).mean()


@pytest.fixture(scope="module", autouse=True)
def toy():
    """The method's entries: a model and a task."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(models.MODELS, "toy", Toy)
        patch.setitem(TASKS, "toy", ToyTask())
        yield


def config(**changes):
    fields = {
        "run": "toy",
        "data": {"database": "tiny", "resident_mb": 0},
        "protocol": {"kind": "random", "n": 1, "test": 0.25, "val": 0.25},
        # 40x40 pixels hold four tiles of 16x16: the fifth and sixth crop are blank.
        "view": {
            "resize": None,
            "crop": 16,
            "blocks": 6,
            "crops": "tiles",
            "test_crops": "tiles",
        },
        "tests": {},
        "weights": "",
        "model": {"name": "toy"},
        "stages": ("scores",),
        "scores": {
            "task": "toy",
            "fit": {
                "updates": 60,
                "evaluate_updates": 10,
                "batch_size": 8,
                "log_every": 1,
                "optim": {"learning_rate": 3e-2},
            },
        },
    }
    made = ConfigDict(json.loads(json.dumps(fields)))
    made.update_from_flattened_dict(changes)
    return made


def run(folder, **changes):
    with mock.patch.object(experiment, "load_index", return_value=tiny.database()):
        return experiment.run(config(**changes), str(folder), mesh=MESH)


def metrics(folder):
    with (folder / "split0" / "scores" / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return run(tmp_path_factory.mktemp("toy"))


def test_the_toy_learns_and_its_parts_are_logged(finished):
    rows = metrics(finished)
    parts = ("score_loss", "level_loss", "distribution_loss", "rank_loss")
    for row in rows:
        if row["loss"]:
            assert float(row["loss"]) == pytest.approx(sum(float(row[p]) for p in parts), rel=1e-4)
    assert float(rows[-2]["loss"]) < 0.8 * float(rows[0]["loss"])
    assert (finished / "split0" / "scores" / "toy.png").is_file()
    (table,) = read_predictions(finished)
    assert np.corrcoef(table.prediction, table.score)[0, 1] > 0.7


def test_the_state_is_selected_by_the_task_s_own_criterion(finished):
    facts = json.loads((finished / "split0" / "split.json").read_text())
    errors = {int(r["step"]): float(r["val_mae"]) for r in metrics(finished) if r["val_mae"]}
    assert facts["selected_step"] == min(errors, key=errors.get)


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_any_criterion_selects_in_either_direction(tmp_path, direction):
    fit = {"scores.fit.criterion": "val_loss", "scores.fit.direction": direction}
    folder = run(tmp_path, **fit)
    facts = json.loads((folder / "split0" / "split.json").read_text())
    losses = {int(r["step"]): float(r["val_loss"]) for r in metrics(folder) if r["val_loss"]}
    best = max if direction == "higher" else min
    assert facts["selected_step"] == best(losses, key=losses.get)


def test_patience_ends_a_training_and_a_resumed_one_at_the_same_update(tmp_path):
    fit = {"scores.fit.patience": 1, "scores.fit.criterion": "val_mae"}
    fit["scores.fit.direction"] = "higher"  # the error falls, so that the first stays the best
    folder = run(tmp_path, **fit)
    facts = json.loads((folder / "split0" / "split.json").read_text())
    assert (facts["steps"], facts["selected_step"]) == (20, 10)
    (folder / "split0" / "predictions.csv").unlink()
    run(tmp_path, **fit)
    assert json.loads((folder / "split0" / "split.json").read_text())["steps"] == 20


def test_patience_counts_evaluations_without_a_new_best():
    assert not exhausted([0.1, 0.3, 0.2], 2)
    assert exhausted([0.1, 0.3, 0.2, 0.3], 2)
    assert not exhausted([0.1, 0.3, 0.2, 0.3], 0)
    assert exhausted([np.nan, 0.1, np.nan], 1)
    assert not exhausted([], 1)


def test_the_last_state_is_taken_without_validation(tmp_path):
    folder = run(tmp_path, **{"protocol.val": 0.0, "scores.fit.select": "last"})
    facts = json.loads((folder / "split0" / "split.json").read_text())
    assert (facts["val"], facts["selected_step"]) == (0, 60)


def test_an_unknown_criterion_is_named(tmp_path):
    with pytest.raises(InputError, match="criterion: found 'val_plcc', expected one of val_loss"):
        run(tmp_path, **{"scores.fit.criterion": "val_plcc"})


def test_images_are_scored_by_the_trained_toy(finished):
    (table,) = read_predictions(finished)
    index, records = tiny.database()
    source = Streamed(index, records, View(None, 16, 1), "", 0)
    images = [source.load(index.id.tolist().index(id)) for id in table.id]
    found = dict(TrainedMetric(finished).each(images))
    np.testing.assert_allclose(list(found.values()), table.prediction, rtol=1e-5)


def test_batches_are_groups_of_one_photograph():
    index, records = tiny.database()
    source = Streamed(index, records, View(None, 16, 1), "", 0)
    groups = _groups(index, np.arange(len(index)))
    for batch in source.train_batches(groups, 8, 0, 0, 5):
        for rows in batch["row"].reshape(-1, GROUP):
            assert len(set(index.content_id[rows])) == 1
            assert (np.diff(index.quality[rows]) <= 0).all()
    with pytest.raises(InputError, match=r"batch_size: found 6 images, .* expected groups of 4"):
        next(source.train_batches(groups, 6, 0, 0, 1))


def test_tiles_cover_the_image_without_overlap_and_blank_ones_are_masked():
    index, records = tiny.database(n=4, size=40)
    view = View(None, 16, 6, flip=False, crops="tiles", test_crops="tiles")
    source = Streamed(index, records, view, "", 0)
    (batch,) = source.eval_batches(np.arange(4), 4)
    image = source.load(0)
    tiles = [image[y : y + 16, x : x + 16] for y in (0, 16) for x in (0, 16)]
    np.testing.assert_array_equal(batch["image"][0, :4], tiles)
    assert batch["block_mask"].tolist() == [[True] * 4 + [False] * 2] * 4
    assert not batch["image"][:, 4:].any()


def test_drawn_tiles_change_with_the_epoch_and_never_repeat_in_an_image():
    index, records = tiny.database(n=4, size=48)
    view = View(None, 16, 4, crops="tiles")
    source = Streamed(index, records, view, "", 0)
    place = [batch["image"] for batch in source.train_batches(np.arange(4), 4, 0, 0, 2)]
    assert not np.array_equal(*place)
    windows = view.windows((48, 48), np.array([[-1.0, 0.3, 0.1]] * 4))
    assert len({tuple(window) for window in windows.tolist()}) == 4
    assert set(windows[:, 1:].ravel() % 16) == {0}


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("mean", [2.0, 2.0]),
        ("weights", [(1 * 1 + 3 * 2 + 2 * 0) / 3, 2.0]),
        ("max", [3.0, 2.0]),
        ("min", [1.0, 2.0]),
        ("concatenation", [[1.0, 3.0, 2.0], [2.0, 0.0, 0.0]]),
    ],
)
def test_crops_are_pooled_by_hand_computed_rules(pooling, expected):
    prediction = jnp.array([[1.0, 3.0, 2.0], [2.0, 9.0, -9.0]])
    mask = jnp.array([[True, True, True], [True, False, False]])
    weight = jnp.array([[1.0, 2.0, 0.0], [1.0, 5.0, 5.0]]) if pooling == "weights" else None
    found = supervised.pool(prediction, pooling, mask, weight)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


class MapTask(Descent[DescentConfig]):
    """Learns the map |image - reference| of each crop, from pairs that the task makes."""

    config = DescentConfig
    needs = "pairs"
    gives_scores = False

    def objective(self, context):
        pairs = context.dataset.source

        def examples(arrays, batch):
            both = update.to_float(pairs.images(arrays, batch))
            flat = both.reshape(-1, *both.shape[2:])
            ref, image = flat[:, :, :, 0], flat[:, :, :, 1]
            return image, {"map": jnp.abs(image - ref).mean(-1)}

        def loss(prediction, out, targets):
            return jnp.square(prediction - targets["map"]).mean(), {}

        def make_update(optimiser):
            return update.make_update(context.model, examples, loss, optimiser)

        return Objective(
            context.dataset,
            context.split.train,
            make_update,
            lambda variables: {"val_loss": np.nan},
            Criterion("val_loss", "lower"),
        )

    def fitted(self, context, variables):
        return Fitted(lambda dataset, rows: rows, variables, {})


class Constant(nn.Module):
    @nn.compact
    def __call__(self, image, train=False):
        level = self.param("level", nn.initializers.zeros, ())
        return jnp.broadcast_to(level, image.shape[:3]), {}


def test_a_map_per_crop_is_a_target(tmp_path):
    index, records = tiny.database(n=8)
    (split,) = Protocol(test=0.25, val=0.0).splits(index)
    place = dict.fromkeys([*index.id.tolist(), ""], 0)
    references = [records[0]] * len(index)
    source = Paired(
        index, Sourced(records), View(None, 16, 1), "", 0, references=references, place=place
    )
    how = DescentConfig(updates=80, batch_size=4, select="last")
    how = dataclasses.replace(how, optim=dataclasses.replace(how.optim, learning_rate=0.05))
    model = Constant()
    variables = {"params": {"level": jnp.zeros(())}}
    task = MapTask()
    fitted = fits.fit(task, model, variables, Dataset(index, source), split, how, tmp_path, MESH)
    errors = []
    for row in split.train:
        ref, image = np.moveaxis(source.load(row) / 255, 2, 0)
        errors.append(np.abs(image - ref).mean())
    assert float(fitted.variables["params"]["level"]) == pytest.approx(np.mean(errors), abs=0.05)


class Sourced:
    """Records whose rows all have the same reference."""

    def __init__(self, records):
        self._records = records

    def __getitem__(self, row):
        return self._records[row]

    def row(self, row):
        return {"image": self._records[row], "reference": b""}


def test_parts_of_a_model_start_from_weight_files_by_name(tmp_path, monkeypatch):
    """The backbone comes from one file of weights, the head from another."""
    variables = Toy().init(jax.random.key(7), jnp.zeros((1, 16, 16, 3)))
    flat = traverse_util.flatten_dict(variables["params"], sep="/")
    ones = {name: jnp.ones_like(leaf) for name, leaf in flat.items()}
    halves = {name: jnp.full_like(leaf, 0.5) for name, leaf in flat.items()}

    def imported(path, **_):
        tree = traverse_util.unflatten_dict(ones if "first" in str(path) else halves, sep="/")
        return mock.Mock(variables={"params": tree}, options={})

    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr("jiqa.weights.load", imported)
    monkeypatch.setattr("jiqa.weights.check", lambda path: None)
    changes = {
        "scores.fit.updates": 1,
        "scores.fit.evaluate_updates": 1,
        "scores.fit.optim.learning_rate": 0.0,
    }
    fields = config(**changes)
    with fields.ignore_type():
        fields.weights = {name: str(tmp_path / name) for name in ("first", "second")}
    fields.scores.init_from = {"backbone": "first/backbone", "head": "second/head"}
    with mock.patch.object(experiment, "load_index", return_value=tiny.database()):
        folder = experiment.run(fields, str(tmp_path / "run"), mesh=MESH)
    metric = TrainedMetric(folder)
    params = metric._fitted.variables["params"]
    assert set(np.unique(params["backbone"]["kernel"])) == {1.0}
    assert set(np.unique(params["head"]["kernel"])) == {0.5}
