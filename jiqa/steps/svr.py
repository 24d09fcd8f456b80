"""Support vector regression on hand-crafted features."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from scipy.spatial import distance
from sklearn.model_selection import GroupKFold
from sklearn.svm import SVR
from tqdm import tqdm

from jiqa import stats
from jiqa.data.pipeline import Resident, Streamed
from jiqa.handcrafted.svr import Svr

# Penalties, and widths of the kernel as multiples of 1 / features, of which BRISQUE's release has
# 1.8. The tube is a tenth of the quality's deviation. Of penalties, which bound the weights, higher
# ones leave a sum of thousands of weights few digits in float32.
PENALTIES = (0.25, 1.0, 4.0, 16.0, 64.0)
WIDTHS = (0.125, 0.5, 2.0, 8.0)
TUBE = 0.1
FOLDS = 5


@functools.lru_cache(maxsize=8)
def extract(model: nn.Module, source: Streamed | Resident, batch_size: int) -> np.ndarray:
    """Features float32 [n, d] of all images of a database, whole, by a model without parameters.

    Images of one size are computed together, `batch_size` at a time, and a size is compiled once.
    """
    apply = jax.jit(lambda image: model.apply({}, image.astype(jnp.float32) / 255)[0])
    found: dict[int, np.ndarray] = {}
    waiting: dict[tuple[int, ...], dict[int, np.ndarray]] = {}

    def compute(images: dict[int, np.ndarray]) -> None:
        batch = np.stack(list(images.values()))
        batch = np.pad(batch, [(0, batch_size - len(batch)), *[(0, 0)] * 3], mode="edge")
        found.update(zip(images, np.asarray(apply(batch)), strict=False))
        images.clear()

    rows = range(len(source.index))
    for row in tqdm(rows, f"features of {source.index.database}", disable=None):
        image = source.load(row)
        images = waiting.setdefault(image.shape, {})
        images[row] = image
        if len(images) == batch_size:
            compute(images)
    for images in filter(None, waiting.values()):
        compute(images)
    return np.stack([found[row] for row in rows])


def predict(fitted: Svr, features: np.ndarray) -> np.ndarray:
    """Quality float32 [n] of features [n, d], computed in float64."""
    low, high, vectors, weights, gamma, bias = (np.asarray(field, np.float64) for field in fitted)
    scaled = 2 * (features - low) / np.where(high > low, high - low, 1) - 1
    kernel = np.exp(-gamma * distance.cdist(scaled, vectors, "sqeuclidean"))
    return (kernel @ weights + bias).astype(np.float32)


def solve(
    features: np.ndarray,
    quality: np.ndarray,
    content: np.ndarray,
    penalties: tuple[float, ...] = PENALTIES,
    widths: tuple[float, ...] = WIDTHS,
) -> tuple[Svr, dict[str, float]]:
    """Fits a regression to features scaled to -1 .. 1, and standardised quality.

    Penalty and width are those with the highest mean SROCC over five folds of the training rows,
    none of which divides a content; the range of the features is that of all training rows.

    Args:
        features: float [n, d].
        quality: float [n].
        content: [n], the content_id of each row; five or more different ones.
        penalties: to choose from.
        widths: to choose from, as multiples of 1 / d.

    Returns:
        The regression, in float64, and what was chosen, `penalty` and `gamma`.
    """
    features = features.astype(np.float64)
    low, high = features.min(0), features.max(0)
    scaled = 2 * (features - low) / np.where(high > low, high - low, 1) - 1
    mean, deviation = float(quality.mean()), float(quality.std()) or 1.0
    target = (quality - mean) / deviation
    folds = list(GroupKFold(FOLDS).split(scaled, target, content))

    def left_out(model: SVR) -> float:
        return float(
            np.mean(
                [
                    stats.srocc(model.fit(scaled[a], target[a]).predict(scaled[b]), target[b])
                    for a, b in folds
                ]
            )
        )

    models = [
        SVR(C=penalty, gamma=width / features.shape[1], epsilon=TUBE)
        for penalty, width in itertools.product(penalties, widths)
    ]
    best = max(models, key=left_out).fit(scaled, target)
    fitted = Svr(
        low=low,
        high=high,
        vectors=best.support_vectors_,
        weights=best.dual_coef_[0] * deviation,
        gamma=np.asarray(best.gamma),
        bias=best.intercept_[0] * deviation + mean,
    )
    chosen = {"penalty": float(best.C), "gamma": float(best.gamma)}
    return fitted, chosen
