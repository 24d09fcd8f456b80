"""Ridge regression on fixed features: the baseline that every trained method has to beat."""

import dataclasses
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge as RidgeRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jiqa.files import write_npz
from jiqa.results import stats
from jiqa.tasks.folds import folds

STRENGTHS = tuple(10.0 ** np.arange(0, 6.5, 0.5))


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
        """Reads what `save` wrote."""
        with np.load(path) as arrays:
            return cls(**arrays)


def solve(
    features: np.ndarray,
    quality: np.ndarray,
    content: np.ndarray,
    strengths: tuple[float, ...] = STRENGTHS,
) -> Ridge:
    """Fits a ridge regression to standardised features.

    The strength is the one with the highest mean SROCC over five folds of the training rows, none
    of which divides a content.

    Args:
        features: float [n, d].
        quality: float [n].
        content: [n], the content_id of each row; five or more different ones.
        strengths: penalties to choose from.

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
