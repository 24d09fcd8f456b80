"""Significance tests of the difference between methods."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


def corrected_t(differences: ArrayLike, ratio: float) -> tuple[float, float]:
    """(t, two-sided p) of the differences float[n] of two methods over n random splits.

    Training parts of random splits overlap, so that the plain paired t test rejects too often.
    `ratio`, the size of the test part over that of the training part, corrects the variance. The
    result is NaN where n is below 2 or all differences are equal.

    Source: Nadeau, Bengio, "Inference for the generalization error", Machine Learning 52, 2003.
    """
    differences = np.asarray(differences, np.float64)
    n = differences.size
    deviation = differences.std(ddof=1) if n > 1 else 0.0
    if not deviation:
        return np.nan, np.nan
    t = differences.mean() / (deviation * np.sqrt(1 / n + ratio))
    return float(t), float(2 * stats.t.sf(abs(t), n - 1))


def holm(p: ArrayLike) -> np.ndarray:
    """p values float[m] adjusted for m tests by Holm's step-down method; float64[m].

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
    of Statistics 6(2), 1979.
    """
    p = np.asarray(p, np.float64)
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted
