"""A classifier of quality levels, and its confusion matrix on the test images."""

import csv
import dataclasses
import math
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from jiqa.errors import InputError
from jiqa.files import write_csv
from jiqa.tasks import attention
from jiqa.tasks.task import Descent, Fitted, Predict, TaskContext
from jiqa.train import losses, supervised
from jiqa.train.dataset import Dataset
from jiqa.train.loop import DescentConfig
from jiqa.train.objective import Criterion, Objective
from jiqa.train.predict import predictor

TABLE = "levels.csv"


@dataclasses.dataclass(frozen=True)
class LevelsConfig(DescentConfig):
    """Settings of a classifier of quality levels.

    Attributes:
        attention: draw the network's attention in three test images.
    """

    attention: bool = False


class Levels(Descent[LevelsConfig]):
    """Classifies `index.level`, 0 the best; the highest accuracy on validation rows selects.

    All crops of an image have the image's level; at test their logits are averaged. The folder gets
    `levels.csv`, the confusion matrix of the test part. Facts of a test part: `accuracy`, a share,
    and `test_images`. The prediction is the expected quality in [0, 1]: the best level has the
    quality 1, the worst 0, the others are evenly spaced.
    """

    config: ClassVar[type] = LevelsConfig

    def objective(self, context: TaskContext[LevelsConfig]) -> Objective:
        """Cross entropy; validation has loss and accuracy of whole images.

        Raises:
            InputError: the number of levels is not that of the model's outputs.
        """
        config, dataset, rows = context.config, context.dataset, context.split.val
        _outputs(context)
        predict = self._logits(context)

        def loss(logits: jax.Array, _: Any, targets: Any) -> tuple[jax.Array, dict[str, jax.Array]]:
            return losses.cross_entropy(logits.astype(jnp.float32), targets["level"]), {}

        def make_update(optimiser: Any) -> Any:
            return supervised.make_update(
                context.model,
                loss,
                optimiser,
                dataset.source.images,
                ("level",),
                config.optim.ema,
                config.optim.rates,
            )

        def validate(variables: Any) -> dict[str, float]:
            if not len(rows):
                return {"val_loss": math.nan, "val_accuracy": math.nan}
            logits, level = predict(variables, dataset, rows), dataset.index.level[rows]
            return {
                "val_loss": float(losses.cross_entropy(jnp.asarray(logits), jnp.asarray(level))),
                "val_accuracy": float(np.mean(logits.argmax(axis=1) == level)),
            }

        return Objective(
            dataset,
            context.split.train,
            make_update,
            validate,
            Criterion("val_accuracy"),
            columns={"level": dataset.index.level},
            logged=("val_accuracy",),
        )

    def fitted(self, context: TaskContext[LevelsConfig], variables: Any) -> Fitted:
        """Predicts the expected quality; counts the confusion of the test part once."""
        logits = partial(self._logits(context), variables)
        facts = {}
        if len(context.split.test):
            counts = _confusion(context, logits)
            accuracy = float(np.trace(counts) / counts.sum())
            facts = {"accuracy": accuracy, "test_images": int(counts.sum())}
        return Fitted(partial(_quality, logits), variables, facts)

    def report(self, context: TaskContext[LevelsConfig], fitted: Fitted) -> None:
        """Draws the loss curves and, where the config asks for it, the attention."""
        super().report(context, fitted)
        if context.config.attention:
            attention.show(context, fitted.variables)

    def _logits(self, context: TaskContext[LevelsConfig]) -> Any:
        return predictor(context.model, context.config.batch_size, context.devices)


def _outputs(context: TaskContext[LevelsConfig]) -> int:
    """Number of levels; raises InputError unless the model has one output for each level."""
    index, crop = context.dataset.index, context.dataset.source.view.crop
    image = jax.ShapeDtypeStruct((1, crop, crop, 3), jnp.float32)
    prediction, _ = jax.eval_shape(context.model.apply, context.inherited, image)
    outputs = prediction.shape[1] if prediction.ndim == 2 else 1
    found = np.unique(index.level)
    if outputs < 2 or not np.array_equal(found, np.arange(outputs)):
        raise InputError(
            f"{index.database}: found levels {', '.join(map(str, found))} and a model with "
            f"{outputs} outputs, expected one for each level, which count from 0, and two or more"
        )
    return outputs


def _confusion(context: TaskContext[LevelsConfig], logits: Predict) -> np.ndarray:
    """Confusion matrix of the test part, counts int [level, predicted level]."""
    path, rows, level = context.folder / TABLE, context.split.test, context.dataset.index.level
    if path.exists():
        return _read(path)
    levels = _outputs(context)
    counts = np.zeros((levels, levels), int)
    np.add.at(counts, (level[rows], logits(context.dataset, rows).argmax(axis=1)), 1)
    if jax.process_index() == 0:
        _write(path, counts)
    return counts


def _quality(logits: Predict, dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """Expected quality float32 [n]: qualities of the levels, weighted by their probabilities."""
    probability = special.softmax(logits(dataset, rows), axis=1)
    return (probability @ np.linspace(1, 0, probability.shape[1])).astype(np.float32)


def _write(path: Path, counts: np.ndarray) -> None:
    rows = ((*place, count) for place, count in np.ndenumerate(counts))
    write_csv(path, [("level", "predicted", "count"), *rows])


def _read(path: Path) -> np.ndarray:
    with path.open(newline="") as file:
        counts = [int(row["count"]) for row in csv.DictReader(file)]
    return np.reshape(counts, (round(len(counts) ** 0.5), -1))
