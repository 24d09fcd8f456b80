"""Ridge regression on fixed features: the baseline for every trained method."""

import dataclasses
import time
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from sklearn.linear_model import Ridge as RidgeRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jiqa.files import write_npz
from jiqa.results import stats
from jiqa.tasks.folds import folds
from jiqa.tasks.task import Fitted, Fitter, TaskContext
from jiqa.train import mesh as meshes
from jiqa.train.dataset import Dataset
from jiqa.train.predict import predictor

# Candidate penalties.
STRENGTHS = tuple(10.0 ** np.arange(0, 6.5, 0.5))


@dataclasses.dataclass(frozen=True)
class RidgeConfig:
    """Settings of a ridge regression on fixed features.

    Attributes:
        batch_size: images of a batch while features are computed.
        strengths: candidate penalties, for cross-validation on training and validation rows.
        pooling: of the features of an image's crops, see `jiqa.train.supervised.POOLINGS`.
    """

    batch_size: int = 32
    strengths: tuple[float, ...] = STRENGTHS
    pooling: str = "mean"


class RidgeTask(Fitter[RidgeConfig]):
    """Fits a ridge regression to the predictions of a fixed network; the folder gets `ridge.npz`.

    Cross-validation chooses the penalty, so that the regression is fitted to the validation rows
    too.
    """

    config: ClassVar[type] = RidgeConfig

    def fit(self, context: TaskContext[RidgeConfig]) -> Fitted:
        """Fits the regression."""
        config, index = context.config, context.dataset.index
        devices = meshes.fitting(context.devices, config.batch_size)
        variables = meshes.copied(context.inherited, devices)
        predict = predictor(context.model, config.batch_size, devices, config.pooling)
        features = partial(predict, variables)
        began = time.perf_counter()
        rows = np.sort(np.concatenate([context.split.train, context.split.val]))
        folds(index.content_id[rows])  # refuses too few contents before features are computed
        fitted = solve(
            features(context.dataset, rows),
            index.quality[rows],
            index.content_id[rows],
            config.strengths,
        )
        context.folder.mkdir(parents=True, exist_ok=True)
        fitted.save(context.folder / "ridge.npz")
        seconds = round(time.perf_counter() - began)
        facts = {"seconds": seconds, "strength": float(fitted.strength)}

        def quality(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
            return fitted.predict(features(dataset, rows))

        return Fitted(quality, variables, facts)


@dataclasses.dataclass(frozen=True)
class Ridge:
    """A fitted ridge regression: `((features - mean) / scale) @ weights + intercept`.

    Attributes:
        mean: float32 [d], of the training features.
        scale: float32 [d], their deviation; 1 where it is zero.
        weights: float32 [d].
        intercept: float32 [].
        strength: the chosen penalty.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray
    strength: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Quality, float32 [n], of features float [n, d]."""
        return ((features - self.mean) / self.scale) @ self.weights + self.intercept

    def save(self, path: Path) -> None:
        """Writes the arrays as .npz."""
        write_npz(path, dataclasses.asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Ridge":
        """Reads a regression from the file of `save`."""
        with np.load(path) as arrays:
            return cls(**arrays)


def solve(
    features: np.ndarray,
    quality: np.ndarray,
    content: np.ndarray,
    strengths: tuple[float, ...] = STRENGTHS,
) -> Ridge:
    """Fits a ridge regression to standardised features.

    The chosen penalty has the highest mean SROCC over five folds of the training rows. Rows of one
    content are in one fold.

    Args:
        features: float [n, d].
        quality: float [n].
        content: [n], the content_id of each row; at least five different ones.
        strengths: candidate penalties.

    Raises:
        InputError: as `folds`.
    """
    search = GridSearchCV(
        make_pipeline(StandardScaler(), RidgeRegression()),
        {"ridge__alpha": strengths},
        scoring=make_scorer(lambda truth, prediction: stats.srocc(prediction, truth)),
        cv=folds(content),
    ).fit(features, quality, groups=content)
    scaler, model = (step for _, step in search.best_estimator_.steps)
    return Ridge(
        mean=np.asarray(scaler.mean_, np.float32),
        scale=np.asarray(scaler.scale_, np.float32),
        weights=np.asarray(model.coef_, np.float32),
        intercept=np.asarray(model.intercept_, np.float32),
        strength=np.asarray(model.alpha, np.float32),
    )
