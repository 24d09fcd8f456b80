"""Training of classifiers of quality levels, and what they make of images that were held out."""

import csv
import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh
from scipy import special

from jiqa.data.protocols import Split
from jiqa.errors import InputError
from jiqa.files import write_csv
from jiqa.train import losses, supervised
from jiqa.train.loop import Data, Descent, Trained, Update, descend, make_predictor

TABLE = "levels.csv"


@dataclasses.dataclass(frozen=True)
class ClassifyFit(Descent):
    """How a classifier of quality levels is trained.

    Attributes:
        select: `best` is the highest accuracy on the validation rows.
    """


def fit_levels(
    model: nn.Module,
    variables: Any,
    data: Data,
    split: Split,
    how: ClassifyFit,
    folder: Path,
    mesh: Mesh,
    seed: int,
) -> Trained:
    """Trains a classifier, or goes on from the latest checkpoint in `folder`; else as `fit`.

    The model gives logits of `data.index.level`, 0 the best. The blocks of an image share its
    level; at test their logits are averaged. `folder` gets `levels.csv`: how many images of the
    test part of each level were taken for which. Facts besides `fit`'s, where there is a test part:
    `accuracy`, a share, and `test_images`. What it predicts is the expected quality in [0, 1], the
    best level being 1, the worst 0, and the others evenly between.

    Raises:
        InputError: the levels are not one for each of the model's outputs; as `fit`.
    """
    levels = _check(model, variables, data)
    predictor = make_predictor(model, how.batch_size, mesh)

    def make_update(optimiser: optax.GradientTransformation) -> Update:
        return supervised.make_update(
            model,
            losses.cross_entropy,
            optimiser,
            data.source.images,
            how.optim.ema,
            "level",
            how.optim.rates,
        )

    def validate(variables: Any) -> dict[str, float]:
        rows = split.val
        if not len(rows):
            return {"val_loss": np.nan, "val_accuracy": np.nan}
        logits, level = predictor(variables, data, rows), data.index.level[rows]
        return {
            "val_loss": float(losses.cross_entropy(jnp.asarray(logits), jnp.asarray(level))),
            "val_accuracy": float(np.mean(logits.argmax(axis=1) == level)),
        }

    def score(measured: dict[str, float]) -> float:
        return measured["val_accuracy"]

    variables, facts = descend(
        make_update,
        validate,
        score,
        variables,
        data,
        split.train,
        how,
        folder,
        mesh,
        seed,
        columns={"level": data.index.level},
        logged=("val_accuracy",),
    )
    if len(split.test):
        path = folder / TABLE
        if path.exists():
            counts = _read(path)
        else:
            taken = predictor(variables, data, split.test).argmax(axis=1)
            counts = np.zeros((levels, levels), int)
            np.add.at(counts, (data.index.level[split.test], taken), 1)
            if jax.process_index() == 0:
                _write(path, counts)
        accuracy = float(np.trace(counts) / counts.sum())
        facts |= {"accuracy": accuracy, "test_images": int(counts.sum())}
    return Trained(partial(_quality, partial(predictor, variables)), variables, facts)


def _check(model: nn.Module, variables: Any, data: Data) -> int:
    """The number of levels; InputError unless the model has an output for each."""
    crop = data.source.view.crop
    image = jax.ShapeDtypeStruct((1, crop, crop, 3), jnp.float32)
    prediction, _ = jax.eval_shape(model.apply, variables, image)
    outputs = prediction.shape[1] if prediction.ndim == 2 else 1
    found = np.unique(data.index.level)
    if outputs < 2 or not np.array_equal(found, np.arange(outputs)):
        raise InputError(
            f"{data.index.database}: found levels {', '.join(map(str, found))} and a model with "
            f"{outputs} outputs, expected one for each level, which count from 0, and two or more"
        )
    return outputs


def _quality(
    predictor: Callable[[Data, np.ndarray], np.ndarray], data: Data, rows: np.ndarray
) -> np.ndarray:
    """Expected quality float32 [n]: the levels', weighed by their probabilities."""
    probability = special.softmax(predictor(data, rows), axis=1)
    return (probability @ np.linspace(1, 0, probability.shape[1])).astype(np.float32)


def _write(path: Path, counts: np.ndarray) -> None:
    rows = ((*place, count) for place, count in np.ndenumerate(counts))
    write_csv(path, [("level", "predicted", "count"), *rows])


def _read(path: Path) -> np.ndarray:
    with path.open(newline="") as file:
        counts = [int(row["count"]) for row in csv.DictReader(file)]
    return np.reshape(counts, (round(len(counts) ** 0.5), -1))
