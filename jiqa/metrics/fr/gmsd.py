"""GMSD: the spread of the similarity of gradient magnitudes.

Xue, Zhang, Mou and Bovik, "Gradient magnitude similarity deviation: a highly efficient perceptual
image quality index", IEEE TIP 23(2), 2014, equations 3 to 6.
"""

import jax
import jax.numpy as jnp

from jiqa.ops.colour import BT601, RGB2GRAY, luma
from jiqa.ops.filters import block_mean
from jiqa.ops.gradient import PREWITT, magnitude
from jiqa.ops.masks import masked_mean, shrunk, within
from jiqa.ops.powers import root

T = 170.0


def gmsd(
    image: jax.Array,
    ref: jax.Array,
    *,
    rounded: bool = True,
    bt601: bool = False,
    size: jax.Array | None = None,
) -> jax.Array:
    """[b, h, w, 3] twice -> [b]: 0 of equal images; lower is better.

    At most 0.5, but for the divisor n - 1, which matters where n is small: 0.58 of 3 x 3 pixels.

    Sides are 3 pixels or more. `size`: see `jiqa.ops.masks`.

    Deviations and choices:
      Grey is MATLAB's rgb2gray of a uint8 image, rounded to whole levels; the authors' code takes
      a grey image in 0..255 and leaves the conversion to its caller.
      rounded: piq does not round.
      bt601: pyiqa's grey has the three digits of ITU-R BT.601.
      As in that code the map is not trimmed: beyond the border all is 0, for the 2x2 mean that
      comes first as for Prewitt's filter, and the deviation divides by n - 1.
      Where all is equal the gradient is 0.
    """
    weights = BT601 if bt601 else RGB2GRAY
    grey = [within(luma(x, rounded=rounded, weights=weights), size) for x in (ref, image)]
    grey = block_mean(jnp.concatenate(grey), 2, "zero")
    m1, m2 = jnp.split(magnitude(grey, PREWITT), 2)
    difference = (m1 - m2) ** 2 / (m1**2 + m2**2 + T)  # 1 less the similarity, exactly 0 of equals
    size = shrunk(size)
    n = difference[0].size if size is None else size.prod(1).astype(difference.dtype)
    away = difference - masked_mean(difference, size)[:, None, None]
    return root(masked_mean(away**2, size) * (n / (n - 1)))
