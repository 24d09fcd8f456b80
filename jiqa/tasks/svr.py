"""Support vector regression on hand-crafted features or on features of a fixed network."""

import dataclasses
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVR

from jiqa.errors import InputError
from jiqa.files import write_npz
from jiqa.metrics.nr import files
from jiqa.metrics.nr.features import Features
from jiqa.metrics.nr.patches import Codebook
from jiqa.metrics.nr.svr import Linear, Svr
from jiqa.results import stats
from jiqa.tasks.features import Images
from jiqa.tasks.folds import folds
from jiqa.tasks.task import Fitted, Fitter, TaskContext
from jiqa.train import mesh as meshes
from jiqa.train.dataset import Dataset
from jiqa.train.predict import predictor

# Candidate penalties, and candidate widths of the kernel as multiples of 1 / number of features
# (BRISQUE's release has 1.8). The tube is a tenth of the quality's standard deviation. Penalties
# bound the weights: higher penalties leave a float32 sum of thousands of weights few digits.
PENALTIES = (0.25, 1.0, 4.0, 16.0, 64.0)
WIDTHS = (0.125, 0.5, 2.0, 8.0)
TUBE = 0.1
FILE = "svr.npz"


@dataclasses.dataclass(frozen=True)
class SvrConfig:
    """Settings of a support vector regression on features.

    Attributes:
        features: hand-crafted features of whole images, at their own size or resized by the view.
            A stage with a model takes the model's predictions as features.
        batch_size: largest number of images in a batch while features are computed.
        pooling: of the features of an image's crops, where a network computes them; see
            `jiqa.train.supervised.POOLINGS`.
        penalties: candidates, for cross-validation on training and validation rows.
        widths: candidate widths of the kernel, as multiples of 1 / number of features; none: the
            kernel is linear.
    """

    features: Features = dataclasses.field(default_factory=Features)
    batch_size: int = 8
    pooling: str = "mean"
    penalties: tuple[float, ...] = PENALTIES
    widths: tuple[float, ...] = WIDTHS


class SvrTask(Fitter[SvrConfig]):
    """Fits a support vector regression to features; the folder gets `svr.npz`.

    Features that need no codebook are computed once for all splits. Cross-validation chooses
    penalty and width, so that the regression is fitted to the validation rows too.
    """

    config: ClassVar[type] = SvrConfig

    def fit(self, context: TaskContext[SvrConfig]) -> Fitted:
        """Fits the codebook, where the features need one, and the regression."""
        began, config = time.perf_counter(), context.config
        rows = np.sort(np.concatenate([context.split.train, context.split.val]))
        index = context.dataset.index
        folds(index.content_id[rows])  # refuses too few contents before features are computed
        codebook = {}
        if context.model is None:
            codebook = self._images(context, context.dataset, rows).learn()
        features = self._features(context, codebook)(context.dataset, rows)
        regression, chosen = regress(
            features, index.quality[rows], index.content_id[rows], config.penalties, config.widths
        )
        context.folder.mkdir(parents=True, exist_ok=True)
        kept = Regression(regression, codebook)
        kept.save(context.folder / FILE)
        facts = {"seconds": round(time.perf_counter() - began), **chosen}
        return self._fitted(context, kept, facts)

    def load(self, context: TaskContext[SvrConfig], facts: dict[str, Any]) -> Fitted:
        """The regression in `svr.npz`; variables of a network must be in `context.inherited`."""
        return self._fitted(context, Regression.load(context.folder / FILE), facts)

    def _fitted(
        self, context: TaskContext[SvrConfig], kept: "Regression", facts: dict[str, Any]
    ) -> Fitted:
        features = self._features(context, kept.codebook)

        def predict(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
            return kept.regression.evaluate(features(dataset, rows)).astype(np.float32)

        return Fitted(predict, context.inherited, facts)

    def _features(self, context: TaskContext[SvrConfig], codebook: Codebook) -> Any:
        """`(dataset, rows) -> float32 [n, d]`."""
        config = context.config
        if context.model is None:
            return lambda dataset, rows: self._images(context, dataset, rows).features(codebook)
        devices = meshes.fitting(context.devices, config.batch_size)
        predict = predictor(context.model, config.batch_size, devices, config.pooling)
        return partial(predict, meshes.copied(context.inherited, devices))

    def _images(
        self, context: TaskContext[SvrConfig], dataset: Dataset, rows: np.ndarray
    ) -> Images:
        config = context.config
        devices = meshes.fitting(context.devices, config.batch_size)
        return Images(config.features, dataset.source, config.batch_size, rows, devices)


class Regression(NamedTuple):
    """A regression, and the codebook of its features; {} for features without a codebook."""

    regression: Svr | Linear
    codebook: Codebook

    def save(self, path: Path) -> None:
        """Writes the arrays of both as .npz."""
        write_npz(path, {**self.regression._asdict(), **self.codebook})

    @classmethod
    def load(cls, path: Path) -> "Regression":
        """Reads a regression from the file of `save`.

        Raises:
            InputError: the file holds something else.
        """
        arrays = files.arrays(path)
        kind = Svr if "vectors" in arrays else Linear
        if missing := set(kind._fields) - set(arrays):
            found = ", ".join(sorted(arrays))
            raise InputError(f"{path}: found {found}, expected {', '.join(sorted(missing))} too")
        regression = kind(*(arrays.pop(field) for field in kind._fields))
        return cls(regression, arrays)


def regress(
    features: np.ndarray,
    quality: np.ndarray,
    content: np.ndarray,
    penalties: Sequence[float] = PENALTIES,
    widths: Sequence[float] = WIDTHS,
) -> tuple[Svr | Linear, dict[str, float]]:
    """Fits a regression to features scaled to -1 .. 1, and standardised quality.

    The chosen penalty and width have the highest mean SROCC over five folds of the training rows.
    Rows of one content are in one fold. The range of the features is taken over all training rows.

    Args:
        features: float [n, d].
        quality: float [n].
        content: [n], the content_id of each row; at least five different ones.
        penalties: candidates.
        widths: candidate widths of the Gaussian kernel, as multiples of 1 / d. Without any width
            the kernel is linear: the mean product of two images' features.

    Returns:
        The regression, in float64, and the chosen `penalty` and `gamma`.
    """
    features = features.astype(np.float64)
    low, high = features.min(0), features.max(0)
    span = np.where(high > low, high - low, 1)
    scaled = 2 * (features - low) / span - 1
    mean, deviation = float(quality.mean()), float(quality.std()) or 1.0
    count = features.shape[1]
    grid = {"C": penalties}
    if widths:
        model, inputs = SVR(epsilon=TUBE), scaled
        grid["gamma"] = [width / count for width in widths]
    else:
        model, inputs = SVR(kernel="precomputed", epsilon=TUBE), scaled @ scaled.T / count
    search = GridSearchCV(model, grid, scoring=make_scorer(_srocc), cv=folds(content))
    best = search.fit(inputs, (quality - mean) / deviation, groups=content).best_estimator_
    weights = best.dual_coef_[0] * deviation
    bias = best.intercept_[0] * deviation + mean
    chosen = {"penalty": float(best.C)}
    if not widths:
        slope = weights @ scaled[best.support_] / count
        bias -= slope @ (2 * low / span + 1)
        return Linear(2 * slope / span, bias), chosen
    gamma = np.asarray(best.gamma)
    vectors = best.support_vectors_
    return Svr(low, high, vectors, weights, gamma, bias), {**chosen, "gamma": float(gamma)}


def _srocc(quality: np.ndarray, predicted: np.ndarray) -> float:
    return float(stats.srocc(predicted, quality))
