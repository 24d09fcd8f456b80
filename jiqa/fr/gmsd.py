"""GMSD: the spread of the similarity of gradient magnitudes.

Xue, Zhang, Mou and Bovik, "Gradient magnitude similarity deviation: a highly efficient perceptual
image quality index", IEEE TIP 23(2), 2014, equations 3 to 6.
"""

import jax
import jax.numpy as jnp

from jiqa.ops.colour import luma
from jiqa.ops.filters import block_mean
from jiqa.ops.gradient import PREWITT, magnitude, root

T = 170.0


def gmsd(image: jax.Array, ref: jax.Array) -> jax.Array:
    """[b, h, w, 3] twice -> [b]: 0 of equal images, at most 0.5; lower is better.

    Sides are 3 pixels or more.

    Deviations and choices:
      Grey is MATLAB's rgb2gray, not rounded; the authors' code takes a grey image in 0..255 and
      leaves the conversion to its caller.
      As in that code the map is not trimmed: beyond the border all is 0, for the 2x2 mean that
      comes first as for Prewitt's filter, and the deviation divides by n - 1.
      Where all is equal the gradient is 0.
    """
    grey = block_mean(luma(jnp.concatenate([ref, image])), 2, "zero")
    m1, m2 = jnp.split(magnitude(grey, PREWITT), 2)
    difference = (m1 - m2) ** 2 / (m1**2 + m2**2 + T)  # 1 less the similarity, exactly 0 of equals
    return root(difference.var((1, 2), ddof=1))
