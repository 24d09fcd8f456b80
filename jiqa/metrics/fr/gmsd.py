"""GMSD: deviation of the similarity of gradient magnitudes.

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
    """GMSD [b] of images [b, h, w, 3] and references: 0 for equal images; lower is better.

    At most 0.5, except for tiny images, where the divisor n - 1 counts: 0.58 for 3 x 3 pixels.

    Sides are 3 pixels or more. `size`: see `jiqa.ops.masks`.

    Deviations and choices:
      Grey is MATLAB's rgb2gray of a uint8 image, rounded to whole levels. The authors' code takes
      a grey image in 0..255 and leaves the conversion to its caller.
      rounded: False as in piq, which does not round.
      bt601: as in pyiqa, whose grey has the three digits of ITU-R BT.601.
      As in the authors' code the map is not trimmed, zeros lie beyond the border for the 2x2 mean
      and for Prewitt's filter, and the deviation divides by n - 1.
      The gradient is 0 for equal images.
    """
    weights = BT601 if bt601 else RGB2GRAY
    grey = [within(luma(x, rounded=rounded, weights=weights), size) for x in (ref, image)]
    grey = block_mean(jnp.concatenate(grey), 2, "zero")
    m1, m2 = jnp.split(magnitude(grey, PREWITT), 2)
    difference = (m1 - m2) ** 2 / (m1**2 + m2**2 + T)  # 1 - similarity
    size = shrunk(size)
    n = difference[0].size if size is None else size.prod(1).astype(difference.dtype)
    away = difference - masked_mean(difference, size)[:, None, None]
    return root(masked_mean(away**2, size) * (n / (n - 1)))
