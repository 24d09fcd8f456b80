"""BLIINDS-II: statistics of the DCT of small blocks at three scales, 24 features.

Saad, Bovik, Charrier, Blind image quality assessment: a natural scene statistics approach in the
DCT domain, IEEE TIP 21(8), 2012. Sec. III, on the coefficients of a block without the first: the
shape of a generalised Gaussian, the coefficient of frequency variation, the energy ratio of
subbands and the variance over orientations. Each gives two features: the mean over all blocks, and
over the most telling tenth of the blocks.

Deviations and choices: as in the authors' MATLAB release: blocks are 5x5, every three pixels, with
zeros beyond the border; grey is rounded as uint8 images are; a shape is the entry of 0.03, 0.031,
..., 10 whose ratio is the last that is not below the ratio found, or 11; the second energy ratio is
over the energies of the first and the *third* band, where the paper has the first and the second;
the next scale takes every second pixel, from the second, after a 3x3 Gaussian of deviation 0.5.
"""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import fft, special

from jiqa.ops import filters
from jiqa.ops.colour import luma

_TINY, _SMALL = 1e-8, 1e-7

# Rows are vertical frequencies, columns horizontal ones.
_RADIAL = np.array(
    [[0, 1, 1, 2, 2], [1, 1, 2, 2, 2], [1, 2, 2, 2, 3], [2, 2, 2, 3, 3], [2, 2, 3, 3, 3]]
)
_WIDE = np.array(
    [[0, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
)
_MIDDLE = np.array(
    [[0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 0, 1, 1]]
)
ORIENTATIONS = (_WIDE, _MIDDLE, _WIDE.T)

_SHAPES = np.arange(30, 10001) / 1000
_RATIOS = (
    special.gammaln(1 / _SHAPES) + special.gammaln(3 / _SHAPES) - 2 * special.gammaln(2 / _SHAPES)
)


def features(image: jax.Array) -> jax.Array:
    """Features of images, [b, h, w, 3] -> [b, 24].

    Order at each scale: variation, shape, subbands, orientation; of each first the mean over all
    blocks, then the mean over a tenth.
    """
    x, out = luma(image, rounded=True), []
    for _ in range(3):
        coefficients = block_dct(x)
        variation = _variation(coefficients[..., 1:])
        out += [variation.mean(1), _tenth(variation, highest=True)]
        shape = _shape(coefficients[..., 1:])
        out += [shape.mean(1), _tenth(shape, highest=False)]
        for found in (_subbands(coefficients), _orientation(coefficients)):
            out += [found.mean(1), _tenth(found, highest=True)]
        x = filters.filter2(x, filters.gaussian(3, 0.5))[:, 1::2, 1::2]
    return jnp.stack(out, 1)


def block_dct(x: jax.Array) -> jax.Array:
    """DCT of 5x5 blocks every 3 pixels, maps [b, h, w] -> [b, n, 25], row by row.

    The centre is subtracted from each block, and a block of rounding errors alone is set to 0, so
    that every 0 of MATLAB's float64 is 0 in float32. The first coefficient therefore lacks the
    block's level.
    """
    height, width = (-(-side // 3) for side in x.shape[1:])
    fill = [(1, 3 * n + 1 - side) for n, side in zip((height, width), x.shape[1:], strict=True)]
    x = jnp.pad(x, [(0, 0), *fill])
    pixels = [
        x[:, i : i + 3 * height - 2 : 3, j : j + 3 * width - 2 : 3]
        for i in range(5)
        for j in range(5)
    ]
    line = np.asarray(fft.dct(np.eye(5), norm="ortho", axis=0))
    basis = jnp.asarray(np.kron(line, line), x.dtype)
    blocks = jnp.stack([pixel - pixels[12] for pixel in pixels], -1).reshape(x.shape[0], -1, 25)
    found = jnp.einsum("bnp,fp->bnf", blocks, basis, precision=jax.lax.Precision.HIGHEST)
    rounding = 1e-6 * jnp.abs(blocks).sum(-1, keepdims=True)
    return jnp.where(jnp.abs(found) > rounding, found, 0.0)


def _variation(x: jax.Array) -> jax.Array:
    """Deviation of |x| over the mean of |x|; [..., k] -> [...]."""
    x = jnp.abs(x)
    return x.std(-1, ddof=1) / (x.mean(-1) + _SMALL)


def _shape(x: jax.Array) -> jax.Array:
    """Shape of a generalised Gaussian; [..., k] -> [...]."""
    away = x - x.mean(-1, keepdims=True)
    ratio = x.var(-1, ddof=1) / (jnp.abs(away).mean(-1) ** 2 + _SMALL)
    # Ratios fall with the shape. The entry wanted comes just before the first ratio below.
    place = jnp.searchsorted(jnp.asarray(-_RATIOS, x.dtype), -jnp.log(ratio), side="right") - 1
    inside = (place >= 0) & (place < len(_SHAPES) - 1)
    return jnp.where(inside, jnp.asarray(_SHAPES, x.dtype)[place], 11.0)


def _subbands(x: jax.Array) -> jax.Array:
    """Energy ratio of subbands; [b, n, 25] -> [b, n]."""
    first, second, third = (
        x[..., np.flatnonzero(band == _RADIAL)].var(-1, ddof=1) for band in (1, 2, 3)
    )
    low = (first + second) / 2
    high = jnp.abs(third - low) / (third + low + _TINY)
    return (high + jnp.abs(second - first) / (third + first + _TINY)) / 2


def _orientation(x: jax.Array) -> jax.Array:
    """Variance over orientations; [b, n, 25] -> [b, n]."""
    parts = [_variation(x[..., np.flatnonzero(mask)]) for mask in ORIENTATIONS]
    return jnp.var(jnp.stack(parts, -1), -1, ddof=1)


def _tenth(x: jax.Array, *, highest: bool) -> jax.Array:
    """Mean of the highest or lowest tenth, rounded up; [b, n] -> [b]."""
    count = -(-x.shape[1] // 10)
    ordered = jnp.sort(x, 1)
    return (ordered[:, -count:] if highest else ordered[:, :count]).mean(1)
