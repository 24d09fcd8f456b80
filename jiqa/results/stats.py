"""Criteria: agreement of predictions with scores, with bootstrap intervals.

Every criterion takes predictions and scores as float[..., n] with n >= 1, works on the last axis
and returns float64[...]. A correlation is NaN where predictions or scores are constant. Values that
are not finite, shapes that differ, and empty arrays raise InputError.
"""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special
from scipy import stats as scipy_stats

from jiqa.errors import InputError

Value = np.float64 | np.ndarray
Criterion = Callable[[Any, Any], Any]

# Largest number of values in memory while resampling.
_BLOCK = 2_000_000


def srocc(prediction: ArrayLike, score: ArrayLike) -> Value:
    """Spearman's rank correlation in [-1, 1]; ties share their mean rank."""
    return _pearson(*(scipy_stats.rankdata(x, axis=-1) for x in _pair(prediction, score)))


def plcc(prediction: ArrayLike, score: ArrayLike) -> Value:
    """Pearson's linear correlation in [-1, 1] of the raw predictions."""
    return _pearson(*_pair(prediction, score))


def krcc(prediction: ArrayLike, score: ArrayLike) -> Value:
    """Kendall's rank correlation tau-b in [-1, 1], which corrects for ties."""
    prediction, score = _pair(prediction, score)
    tau = np.full(prediction.shape[:-1], np.nan)
    for i in np.argwhere(_varies(prediction, score)):
        tau[*i] = scipy_stats.kendalltau(prediction[*i], score[*i])[0]
    return tau[()]


def rmse(prediction: ArrayLike, score: ArrayLike) -> Value:
    """Root mean squared error of the raw predictions, in the score's own unit."""
    prediction, score = _pair(prediction, score)
    return np.sqrt(np.mean((prediction - score) ** 2, axis=-1))


@dataclasses.dataclass(frozen=True)
class Logistic:
    """The five-parameter logistic: b1 (1/2 - 1/(1 + exp(b2 (x - b3)))) + b4 x + b5.

    Source: Sheikh, Sabir, Bovik, "A statistical evaluation of recent full reference image quality
    assessment algorithms", IEEE TIP 15(11), 2006, after VQEG's report of 2000.
    """

    b1: float
    b2: float
    b3: float
    b4: float
    b5: float

    def __call__(self, prediction: ArrayLike) -> np.ndarray:
        """Maps predictions float[...] to the scale of the scores."""
        x = np.asarray(prediction, np.float64)
        curve = special.expit(self.b2 * (x - self.b3)) - 0.5
        return self.b1 * curve + self.b4 * x + self.b5


def fit_logistic(prediction: ArrayLike, score: ArrayLike) -> Logistic:
    """Logistic that maps predictions float[n] to scores float[n] with the least squared error.

    For given b2 and b3, the best b1, b4 and b5 are a linear least-squares solution, so that only b2
    and b3 are searched, from the best of twelve starts. A straight line is a special case: the fit
    is never worse than the best line. In units of the predictions' standard deviation, b2 is kept
    in [0.2, 10]: below, the curve approaches a cubic with unbounded parameters; above, a step
    between two images. b3 is kept within the range of the predictions.

    Raises:
        InputError: `plcc_logistic` is NaN.
    """
    prediction, score = _pair(prediction, score)
    if not _can_fit(prediction, score):
        raise InputError(
            f"logistic fit: {prediction.size} predictions, {np.unique(prediction).size} of them "
            "different, expected at least 6 and neither predictions nor scores constant"
        )
    shift, scale = prediction.mean(), prediction.std()
    x = (prediction - shift) / scale

    def solve(b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        basis = np.stack([special.expit(b[0] * (x - b[1])) - 0.5, x, np.ones_like(x)], axis=-1)
        linear = np.linalg.lstsq(basis, score)[0]
        return linear, basis @ linear - score

    starts = itertools.product((0.5, 1, 2, 4), np.quantile(x, (0.25, 0.5, 0.75)))
    start = min(map(np.array, starts), key=lambda b: np.sum(solve(b)[1] ** 2))
    bounds = ([0.2, x.min()], [10, x.max()])
    b2, b3 = best = optimize.least_squares(lambda b: solve(b)[1], start, bounds=bounds).x
    b1, b4, b5 = solve(best)[0]
    return Logistic(
        *map(float, (b1, b2 / scale, shift + b3 * scale, b4 / scale, b5 - b4 * shift / scale))
    )


def plcc_logistic(prediction: ArrayLike, score: ArrayLike) -> float:
    """Pearson's correlation after `fit_logistic`, in [0, 1], of predictions and scores float[n].

    The result is never below the magnitude of `plcc`. Fewer than six images give NaN, since five
    parameters fit five points exactly.
    """
    return _after_logistic(plcc, prediction, score)


def plcc_rank(prediction: ArrayLike, score: ArrayLike) -> Value:
    """Pearson's correlation in [-1, 1] after replacing each prediction by the score of its rank.

    Tied predictions take the interpolated score of their mean rank. The result depends only on the
    order of the predictions, not on their scale.
    """
    prediction, score = _pair(prediction, score)
    rank = scipy_stats.rankdata(prediction, axis=-1) - 1
    ordered, low = np.sort(score, axis=-1), np.floor(rank).astype(int)
    below, above = (np.take_along_axis(ordered, r, -1) for r in (low, np.ceil(rank).astype(int)))
    return _pearson(below + (rank - low) * (above - below), score)


def rmse_logistic(prediction: ArrayLike, score: ArrayLike) -> float:
    """Root mean squared error after `fit_logistic`, of predictions and scores float[n]."""
    return _after_logistic(rmse, prediction, score)


def resample(
    criterion: Criterion, prediction: ArrayLike, score: ArrayLike, *, n: int = 2000, seed: int = 0
) -> np.ndarray:
    """Criterion float64[n] on `n` bootstrap resamples of the images, drawn with replacement.

    Equal lengths and seeds draw the same resamples, so that two predictors of the same images are
    paired. `plcc_logistic` and `rmse_logistic` use the logistic fitted to all images.
    """
    prediction, score = _pair(prediction, score)
    if criterion in (plcc_logistic, rmse_logistic):
        if not _can_fit(prediction, score):
            return np.full(n, np.nan)
        prediction = fit_logistic(prediction, score)(prediction)
        criterion = plcc if criterion is plcc_logistic else rmse
    size = prediction.shape[-1]
    rng = np.random.default_rng(seed)
    values = np.empty(n)
    block = max(1, _BLOCK // size)
    for first in range(0, n, block):
        part = values[first : first + block]
        rows = rng.integers(size, size=(len(part), size))
        if criterion is krcc:
            part[:] = _resampled_krcc(prediction, score, rows)
        else:
            part[:] = criterion(prediction[rows], score[rows])
    return values


def interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of bootstrap values float[n]; NaN values are left out."""
    values = values[~np.isnan(values)]
    if not values.size:
        return np.nan, np.nan
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap(
    criterion: Criterion,
    prediction: ArrayLike,
    score: ArrayLike,
    *,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile bootstrap interval (low, high) of a criterion, over the images."""
    return interval(resample(criterion, prediction, score, n=n, seed=seed), level)


def paired_bootstrap(
    criterion: Criterion,
    prediction_a: ArrayLike,
    prediction_b: ArrayLike,
    score: ArrayLike,
    *,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """(difference, low, high) of criterion(a) - criterion(b), on the same resampled images."""
    a, b = (resample(criterion, x, score, n=n, seed=seed) for x in (prediction_a, prediction_b))
    difference = criterion(prediction_a, score) - criterion(prediction_b, score)
    return float(difference), *interval(a - b, level)


def _pair(prediction: ArrayLike, score: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    prediction, score = np.asarray(prediction, np.float64), np.asarray(score, np.float64)
    if prediction.shape != score.shape or not prediction.ndim or not prediction.size:
        raise InputError(
            f"predictions of shape {prediction.shape} and scores of shape {score.shape}, "
            "expected one shape [..., n] with n of 1 or more"
        )
    for name, values in (("prediction", prediction), ("score", score)):
        bad = np.argwhere(~np.isfinite(values))
        if bad.size:
            where = tuple(bad[0].tolist())
            raise InputError(f"{name} {list(where)} is {values[where]}, expected a finite number")
    return prediction, score


def _varies(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (np.ptp(a, axis=-1) > 0) & (np.ptp(b, axis=-1) > 0)


def _pearson(a: np.ndarray, b: np.ndarray) -> Value:
    varies = _varies(a, b)
    a, b = (x - x.mean(axis=-1, keepdims=True) for x in (a, b))
    norm = np.sqrt(np.sum(a * a, axis=-1) * np.sum(b * b, axis=-1))
    varies = varies & (norm > 0)
    correlation = np.clip(np.sum(a * b, axis=-1) / np.where(varies, norm, 1), -1, 1)
    return np.where(varies, correlation, np.nan)[()]


def _resampled_krcc(prediction: np.ndarray, score: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Tau-b float64[k] of k resamples, `rows` int[k, n].

    A pair of images occurs in a resample as often as the product of both images' counts. The signs
    of all pairs are therefore computed once for all resamples.
    """
    size = len(prediction)
    counts = np.zeros(rows.shape, np.float32)
    np.add.at(counts, (np.arange(len(rows))[:, None], rows), 1)
    sums = np.zeros((3, len(rows)))
    for block in np.array_split(np.arange(size), -(-size * size // _BLOCK)):
        a, b = (np.sign(x[:, None] - x[block]).astype(np.float32) for x in (prediction, score))
        for total, signs in zip(sums, (a * b, np.abs(a), np.abs(b)), strict=True):
            total += np.sum((counts @ signs) * counts[:, block], axis=-1, dtype=np.float64)
    agreeing, untied_a, untied_b = sums
    norm = np.sqrt(untied_a * untied_b)
    return np.divide(agreeing, norm, out=np.full(len(rows), np.nan), where=norm > 0)


def _can_fit(prediction: np.ndarray, score: np.ndarray) -> bool:
    return prediction.size >= 6 and bool(_varies(prediction, score))


def _after_logistic(criterion: Criterion, prediction: ArrayLike, score: ArrayLike) -> float:
    prediction, score = _pair(prediction, score)
    if not _can_fit(prediction, score):
        return np.nan
    return float(criterion(fit_logistic(prediction, score)(prediction), score))
