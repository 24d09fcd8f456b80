"""GMSD: the spread of the similarity of gradient magnitudes.

Xue, Zhang, Mou and Bovik, "Gradient magnitude similarity deviation: a highly efficient perceptual
image quality index", IEEE TIP 23(2), 2014, equations 3 to 6.
"""

import jax
import jax.numpy as jnp

from jiqa.ops.colour import luma
from jiqa.ops.filters import block_mean
from jiqa.ops.gradient import PREWITT, magnitude
from jiqa.ops.masks import masked_mean, shrunk, within
from jiqa.ops.powers import root

T = 170.0


def gmsd(image: jax.Array, ref: jax.Array, *, size: jax.Array | None = None) -> jax.Array:
    """[b, h, w, 3] twice -> [b]: 0 of equal images, at most 0.5; lower is better.

    Sides are 3 pixels or more. `size`: see `jiqa.ops.masks`.

    Deviations and choices:
      Grey is MATLAB's rgb2gray, not rounded; the authors' code takes a grey image in 0..255 and
      leaves the conversion to its caller.
      As in that code the map is not trimmed: beyond the border all is 0, for the 2x2 mean that
      comes first as for Prewitt's filter, and the deviation divides by n - 1.
      Where all is equal the gradient is 0.
    """
    grey = [within(luma(x), size) for x in (ref, image)]
    grey = block_mean(jnp.concatenate(grey), 2, "zero")
    m1, m2 = jnp.split(magnitude(grey, PREWITT), 2)
    difference = (m1 - m2) ** 2 / (m1**2 + m2**2 + T)  # 1 less the similarity, exactly 0 of equals
    size = shrunk(size)
    n = difference[0].size if size is None else size.prod(1).astype(difference.dtype)
    away = difference - masked_mean(difference, size)[:, None, None]
    return root(masked_mean(away**2, size) * (n / (n - 1)))
