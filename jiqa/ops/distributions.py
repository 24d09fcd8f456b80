"""Statistics of natural scenes: local normalisation, and distributions fitted by moments.

Shapes come from a table, as in the published codes: the nearest of 0.2, 0.201, ..., 10. A shape's
gradient is that of the exact solution, which the table rounds.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from scipy import special

from jiqa.errors import InputError
from jiqa.ops import filters
from jiqa.ops.masks import mirrored
from jiqa.ops.powers import root

Axes = tuple[int, ...]

_SHAPES = np.arange(200, 10001) / 1000


def _ratio(shape: np.ndarray) -> np.ndarray:
    """(mean |x|)^2 / mean x^2 of a generalised Gaussian of that shape; increases with the shape."""
    return np.exp(
        2 * special.gammaln(2 / shape) - special.gammaln(1 / shape) - special.gammaln(3 / shape)
    )


_RATIOS = _ratio(_SHAPES)
_BORDERS = (_RATIOS[1:] + _RATIOS[:-1]) / 2
_SLOPES = np.gradient(_SHAPES, _RATIOS)


def shape_of(ratio: jax.Array) -> jax.Array:
    """Shape parameters whose (mean |x|)^2 / mean x^2 are nearest to `ratio`."""
    place = jnp.searchsorted(jnp.asarray(_BORDERS, ratio.dtype), jax.lax.stop_gradient(ratio))
    shape, slope = (jnp.asarray(table, ratio.dtype)[place] for table in (_SHAPES, _SLOPES))
    return shape + slope * (ratio - jax.lax.stop_gradient(ratio))


def ggd(x: jax.Array, axes: Axes, count: jax.Array | None = None) -> tuple[jax.Array, jax.Array]:
    """(shape, variance) of a generalised Gaussian of mean 0 over `axes`.

    Sharifi, Leon-Garcia (1995), as in BRISQUE's code. Zeros alone give 0.2 and 0. `count` is the
    number of values that count, where the others are 0 [all].
    """
    variance = _mean(x * x, axes, count)
    return shape_of(over(_mean(jnp.abs(x), axes, count) ** 2, variance)), variance


class Aggd(NamedTuple):
    """An asymmetric generalised Gaussian of mode 0: Lasmar, Stitou, Berthoumieu (2009).

    Attributes:
        shape: in 0.2 .. 10.
        left: root mean square of the values below 0; 0 where there are none.
        right: root mean square of the other values.
    """

    shape: jax.Array
    left: jax.Array
    right: jax.Array

    @property
    def scales(self) -> tuple[jax.Array, jax.Array]:
        """Left and right scale of the density: sqrt(G(1/a) / G(3/a)) times `left` and `right`."""
        factor = jnp.exp((gammaln(1 / self.shape) - gammaln(3 / self.shape)) / 2)
        return self.left * factor, self.right * factor

    @property
    def mean(self) -> jax.Array:
        """Mean of the distribution: (right - left) G(2/a) / sqrt(G(1/a) G(3/a))."""
        left, right = self.scales
        return (right - left) * jnp.exp(gammaln(2 / self.shape) - gammaln(1 / self.shape))


def aggd(x: jax.Array, axes: Axes, count: jax.Array | None = None) -> Aggd:
    """An asymmetric generalised Gaussian fitted over `axes`, as in NIQE's and BRISQUE's code.

    A value of 0 counts as above 0. In the published codes the rounding errors of a flat window
    usually count so too, since neighbours have errors of one sign and a positive product. Where no
    value is below 0, or none above, the shape is 0.2, which MATLAB's `min` makes of NaN.
    `count`: see `ggd`.
    """
    square = x * x
    below = x < 0
    n_below = jnp.sum(below, axes, dtype=x.dtype)
    n = math.prod(x.shape[axis] for axis in axes) if count is None else count
    left, right = (
        root(over(jnp.sum(jnp.where(side, square, 0), axes), n_side))
        for side, n_side in ((below, n_below), (~below, n - n_below))
    )
    both = (left > 0) & (right > 0)
    skew = jnp.where(both, over(left, right), 1.0)
    ratio = over(_mean(jnp.abs(x), axes, count) ** 2, _mean(square, axes, count))
    ratio = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    return Aggd(shape_of(jnp.where(both, ratio, 0.0)), left, right)


def _mean(x: jax.Array, axes: Axes, count: jax.Array | None) -> jax.Array:
    return x.mean(axes) if count is None else x.sum(axes) / count


def over(x: jax.Array, y: jax.Array) -> jax.Array:
    """x / y; 0, with a gradient of 0, where y is 0."""
    return jnp.where(y == 0, 0.0, x) / jnp.where(y == 0, 1.0, y)


def mscn(
    x: jax.Array, *, size: int = 7, sigma: float = 7 / 6, padding: str = "replicate"
) -> tuple[jax.Array, jax.Array]:
    """Mean subtracted, contrast normalised coefficients of maps [b, h, w] in 0..255.

    (x - m) / (s + 1), m and s the mean and deviation under a Gaussian window (Ruderman 1994; as
    in Mittal et al. 2012).

    Returns:
        The coefficients and the deviations s, both [b, h, w].
    """
    away, deviation = local_moments(x, size=size, sigma=sigma, padding=padding)
    return -away / (deviation + 1), deviation


def halve(x: jax.Array, size: jax.Array | None = None) -> jax.Array:
    """Maps [b, h, w] at half their size, rounded up: MATLAB's imresize(x, 0.5).

    Uses imresize's eight taps, k/256 each, so that integers in 0..255 give exact values. `size`:
    see `jiqa.ops.masks`.
    """
    if size is not None:
        height, width = (-(-side // 2) for side in x.shape[1:])
        return halve(mirrored(x, 4, size))[:, :height, :width]
    for axis in (1, 2):
        half = -(-x.shape[axis] // 2)
        fill = [(0, 0)] * 3
        fill[axis] = (3, 2 * half + 3 - x.shape[axis])
        padded = jnp.pad(x, fill, mode="symmetric")
        taps = [
            jax.lax.slice_in_dim(padded, k, k + 2 * half - 1, stride=2, axis=axis) for k in range(8)
        ]
        x = _dot([-3 / 256, -9 / 256, 29 / 256, 111 / 256], taps)
    return x


def local_moments(
    x: jax.Array, *, size: int, sigma: float, padding: str
) -> tuple[jax.Array, jax.Array]:
    """Local mean under a Gaussian window minus the centre, and deviation, of maps [b, h, w].

    The published codes compute E[x] - x and E[x^2] - E[x]^2, which lose digits. Here both come from
    differences of neighbours, and from the variances within and between the rows of a window. Both
    are exactly 0 where the window is flat; on a ramp the first is exactly 0.
    """
    line = filters.gaussian_line(size, sigma)[: size // 2 + 1].tolist()
    across = _shifts(filters.pad(x, (size, size), padding), size, axis=2)
    centre = across[size // 2]
    away = _dot(line, [part - centre for part in across])
    within = _dot(line, [(part - centre - away) ** 2 for part in across])
    steps = [part - x for part in _shifts(centre, size, axis=1)]
    rows = _shifts(away, size, axis=1)
    mean = _dot(line, rows) + _dot(line, steps)
    between = _dot(line, [(step + row - mean) ** 2 for step, row in zip(steps, rows, strict=True)])
    return mean, root(_dot(line, _shifts(within, size, axis=1)) + between)


def _shifts(x: jax.Array, size: int, axis: int) -> list[jax.Array]:
    length = x.shape[axis] - size + 1
    return [jax.lax.slice_in_dim(x, k, k + length, axis=axis) for k in range(size)]


def _dot(half: list[float], parts: list[jax.Array]) -> jax.Array:
    """Sum of the parts under symmetric weights, added in pairs; `half`: the first weights."""
    pairs = [part + parts[-1 - k] for k, part in enumerate(parts[: len(parts) // 2])]
    pairs += parts[len(pairs) : len(half)]
    terms = [weight * pair for weight, pair in zip(half, pairs, strict=True)]
    return sum(terms[1:], start=terms[0])


class Gaussian(NamedTuple):
    """A multivariate Gaussian: mean m, and W with W C W' = I for its covariance C.

    Attributes:
        mean: [d], m.
        whiten: [k, d], W.
    """

    mean: np.ndarray
    whiten: np.ndarray

    @classmethod
    def fit(cls, mean: np.ndarray, covariance: np.ndarray, name: str) -> "Gaussian":
        """The Gaussian of this mean [d] and covariance [d, d].

        A variable that repeats an earlier one is left out (k < d), with the same result as the
        pseudo-inverse.

        Raises:
            InputError: the rest is not positive definite; the message begins with `name`.
        """
        kept = np.sort(np.unique(covariance, axis=0, return_index=True)[1])
        values, vectors = np.linalg.eigh(covariance[np.ix_(kept, kept)])
        if not values[0] > 1e-14 * values[-1]:
            raise InputError(
                f"{name}: found a covariance with eigenvalues {values[0]:g} .. {values[-1]:g}, "
                "expected a positive definite one"
            )
        whiten = np.zeros((len(kept), len(mean)), np.float32)
        whiten[:, kept] = (vectors / np.sqrt(values)).T
        return cls(np.asarray(mean, np.float32), whiten)

    def distance(self, mean: jax.Array, features: jax.Array) -> jax.Array:
        """Distance [b, m] of NIQE and IL-NIQE: sqrt(v' ((C + C2) / 2)^-1 v).

        Args:
            mean: [b, m, d]; v is its difference from this Gaussian's mean.
            features: [b, n, d], whose covariance is C2; rows with a NaN are left out.
        """
        whole = jnp.isfinite(features).all(-1, keepdims=True)
        count = whole.sum(1, keepdims=True).astype(features.dtype)
        x = self._whitened(jnp.where(whole, features, 0.0))
        centre = over(jnp.where(whole, x, 0.0).sum(1, keepdims=True), count)
        x = jnp.where(whole, x - centre, 0.0)
        covariance = _product("bni,bnj->bij", x, x) / jnp.maximum(count - 1, 1)
        middle = (covariance + jnp.eye(x.shape[-1], dtype=x.dtype)[None]) / 2
        v = self._whitened(mean)
        return root((v * jnp.linalg.solve(middle, v.mT).mT).sum(-1))

    def _whitened(self, x: jax.Array) -> jax.Array:
        return _product("bni,ji->bnj", x - self.mean[None, None], jnp.asarray(self.whiten))


def _product(form: str, x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.einsum(form, x, y, precision=jax.lax.Precision.HIGHEST)
