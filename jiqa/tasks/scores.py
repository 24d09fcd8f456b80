"""Trains a network on quality scores."""

import dataclasses
import math
from functools import partial
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from jiqa.results import stats
from jiqa.tasks import attention
from jiqa.tasks.task import Descent, Fitted, TaskContext
from jiqa.train import losses, supervised
from jiqa.train.loop import DescentConfig
from jiqa.train.objective import Criterion, Objective
from jiqa.train.predict import predictor


@dataclasses.dataclass(frozen=True)
class ScoresConfig(DescentConfig):
    """Settings of a network's training on scores.

    Attributes:
        loss: a name in `jiqa.train.losses.LOSSES`, of predicted and true quality in [0, 1].
        pooling: of the predictions of an image's crops, see `jiqa.train.supervised.POOLINGS`.
        attention: draw the network's attention in three test images (TTL-IQA, figure 8).
    """

    loss: str = "mae"
    pooling: str = "mean"
    attention: bool = False


class Scores(Descent[ScoresConfig]):
    """Trains on crops, each with the quality of its image as target; `val_srocc` selects."""

    config: ClassVar[type] = ScoresConfig

    def objective(self, context: TaskContext[ScoresConfig]) -> Objective:
        """Mean loss over crops; validation has SROCC, PLCC and loss of whole images."""
        config, dataset = context.config, context.dataset
        loss, predict = losses.of_quality(config.loss), self._predict(context)
        rows = context.split.val

        def make_update(optimiser: Any) -> Any:
            return supervised.make_update(
                context.model,
                loss,
                optimiser,
                dataset.source.images,
                ("quality",),
                config.optim.ema,
                config.optim.rates,
            )

        def validate(variables: Any) -> dict[str, float]:
            if not len(rows):
                return dict.fromkeys(("val_loss", "val_srocc", "val_plcc"), math.nan)
            return judge(
                partial(predict, variables)(dataset, rows), dataset.index.quality[rows], config.loss
            )

        return Objective(
            dataset,
            context.split.train,
            make_update,
            validate,
            Criterion("val_srocc"),
            columns={"quality": dataset.index.quality},
        )

    def fitted(self, context: TaskContext[ScoresConfig], variables: Any) -> Fitted:
        """Predicts quality by the network, pooled over the crops of an image."""
        return Fitted(partial(self._predict(context), variables), variables, {})

    def report(self, context: TaskContext[ScoresConfig], fitted: Fitted) -> None:
        """Draws the loss curves and, where the config asks for it, the attention."""
        super().report(context, fitted)
        if context.config.attention:
            attention.show(context, fitted.variables)

    def _predict(self, context: TaskContext[ScoresConfig]) -> Any:
        config = context.config
        return predictor(context.model, config.batch_size, context.devices, config.pooling)


def judge(prediction: np.ndarray, quality: np.ndarray, loss: str) -> dict[str, float]:
    """Loss, SROCC and PLCC of predicted and true quality, float [n] each."""
    return {
        "val_loss": float(losses.get(loss)(jnp.asarray(prediction), jnp.asarray(quality))),
        "val_srocc": float(stats.srocc(prediction, quality)),
        "val_plcc": float(stats.plcc(prediction, quality)),
    }
