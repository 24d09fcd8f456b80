"""MS-SSIM: SSIM's contrast and structure at five scales, luminance at the last.

Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment",
Asilomar 2003, equation 7.
"""

import functools

import jax
import jax.numpy as jnp

from jiqa.metrics.fr.ssim import SIDE, components, mean_score
from jiqa.ops.colour import luma
from jiqa.ops.filters import block_mean
from jiqa.ops.masks import shrink
from jiqa.ops.powers import real_power

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
LEAST = SIDE * 2 ** (len(WEIGHTS) - 1)


def ms_ssim(
    image: jax.Array, ref: jax.Array, *, equation_7: bool = False, size: jax.Array | None = None
) -> jax.Array:
    """MS-SSIM [b] of images [b, h, w, 3] and references: 0 to 1, 1 for equal images.

    Higher is better. Sides are 176 pixels or more. `size`: see `jiqa.ops.masks`.

    Deviations and choices:
      As in the authors' MATLAB code ssim_mscale_new.m, the source of SRIJ's published values:
      rgb2gray is rounded to whole levels; the mean of 2 x 2 pixels leads to the next scale, and odd
      rows and columns are dropped; the last factor, the mean of luminance times structure, has no
      exponent. Where a mean is negative, MATLAB's score is complex; here the score is 0.
      equation_7: as in their later msssim.m, method `product`, and in pyiqa: the last factor has
      its exponent, as in the paper's equation 7, and the border is repeated between two scales.
    """
    y1, y2 = luma(image, rounded=True), luma(ref, rounded=True)
    score = jnp.ones((), y1.dtype)
    for scale, weight in enumerate(WEIGHTS):
        luminance, structure = components(y1, y2)
        last = scale == len(WEIGHTS) - 1
        mean = mean_score(luminance * structure if last else structure, size, SIDE - 1)
        exponent = 1.0 if last and not equation_7 else weight
        score *= real_power(jnp.maximum(mean, 0), exponent)
        if not last:
            halve = functools.partial(shrink, n=2) if equation_7 else _halve
            (y1, halved), (y2, _) = halve(y1, size=size), halve(y2, size=size)
            size = halved
    return score


def _halve(x: jax.Array, size: jax.Array | None) -> tuple[jax.Array, jax.Array | None]:
    """Means of whole blocks of 2 x 2 pixels of [b, h, w], and the new size."""
    height, width = (side // 2 * 2 for side in x.shape[1:])
    return block_mean(x[:, :height, :width], 2), None if size is None else size // 2
