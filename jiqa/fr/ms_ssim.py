"""MS-SSIM: SSIM's contrast and structure at five scales, luminance at the last.

Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment",
Asilomar 2003, equation 7.
"""

import jax
import jax.numpy as jnp

from jiqa.fr.ssim import SIDE, components
from jiqa.ops.colour import luma
from jiqa.ops.masks import masked_mean, shrink
from jiqa.ops.powers import real_power

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
LEAST = SIDE * 2 ** (len(WEIGHTS) - 1)


def ms_ssim(image: jax.Array, ref: jax.Array, *, size: jax.Array | None = None) -> jax.Array:
    """[b, h, w, 3] twice -> [b]: 1 of equal images, 0 or more; higher is better.

    Sides are 176 pixels or more. `size`: see `jiqa.ops.masks`.

    Deviations and choices:
      As the authors' MATLAB code msssim.m, method `product`: rgb2gray rounded to whole levels,
      between two scales the mean of 2 x 2 pixels with the border repeated, and the last factor
      the mean of luminance times structure. Where a mean is negative MATLAB's score is complex;
      here it is 0.
    """
    y1, y2 = luma(image, rounded=True), luma(ref, rounded=True)
    score = jnp.ones((), y1.dtype)
    for scale, weight in enumerate(WEIGHTS):
        luminance, structure = components(y1, y2)
        last = scale == len(WEIGHTS) - 1
        mean = masked_mean(luminance * structure if last else structure, size, SIDE - 1)
        score *= real_power(jnp.maximum(mean, 0), weight)
        if not last:
            (y1, shrunk), (y2, _) = shrink(y1, 2, size), shrink(y2, 2, size)
            size = shrunk
    return score
