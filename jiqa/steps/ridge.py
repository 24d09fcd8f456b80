"""Ridge regression on fixed features: the baseline that every trained method has to beat."""

import dataclasses
from pathlib import Path

import numpy as np
from sklearn.linear_model import RidgeCV

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
        np.savez(path, **dataclasses.asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Ridge":
        """Reads what `save` wrote."""
        with np.load(path) as arrays:
            return cls(**arrays)


def solve(
    features: np.ndarray, quality: np.ndarray, strengths: tuple[float, ...] = STRENGTHS
) -> Ridge:
    """Fits; the strength is the one with the least leave-one-out error on the training rows.

    Args:
        features: float [n, d].
        quality: float [n].
        strengths: penalties to choose from, for standardised features.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    model = RidgeCV(strengths).fit(((features - mean) / scale).astype(np.float64), quality)
    return Ridge(
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        weights=model.coef_.astype(np.float32),
        intercept=np.float32(model.intercept_),
        strength=np.float32(model.alpha_),
    )
