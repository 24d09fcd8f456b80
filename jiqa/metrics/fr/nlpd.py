"""NLPD: distance between two images in a normalised Laplacian pyramid.

Laparra, Balle, Berardino and Simoncelli, "Perceptual image quality assessment using a normalized
Laplacian pyramid", Electronic Imaging 2016, equations 1 to 5.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.ops.colour import luma
from jiqa.ops.filters import filter2, separable
from jiqa.ops.masks import masked_mean, mirrored, shrunk, within
from jiqa.ops.powers import root

LOWPASS = np.array([0.05, 0.25, 0.4, 0.25, 0.05])  # Burt and Adelson's

# Of each level: the constant, and the neighbours' weights above, left, right, below (at level 1 the
# second neighbour on the right too), learned by the authors from photographs.
SIGMAS = (0.0248, 0.0185, 0.0179, 0.0191, 0.0220, 0.2782)
NEIGHBOURS = (
    (0.1011, 0.1493, 0.1460, 0.1015),
    (0.0757, 0.1986, 0.1846, 0.0837),
    (0.0477, 0.2138, 0.2243, 0.0467),
    (0.0, 0.2503, 0.2616, 0.0),
    (0.0, 0.2598, 0.2552, 0.0),
    (0.0, 0.2215, 0.0717, 0.0),
)
SECOND_RIGHT = 0.0072


def nlpd(
    image: jax.Array,
    ref: jax.Array,
    *,
    far: float = SECOND_RIGHT,
    rounded: bool = True,
    size: jax.Array | None = None,
) -> jax.Array:
    """NLPD [b] of images [b, h, w, 3] and references: 0 for equal images, no upper bound.

    Lower is better. Sides are 32 pixels or more, one pixel at the sixth level. `size`: see
    `jiqa.ops.masks`.

    Deviations and choices:
      As in the authors' MATLAB code: the image is grey in [0, 1] (here rgb2gray's of uint8, so in
      whole levels), without the paper's power of luminance; levels are averaged with exponent 1
      instead of the paper's 0.6; the neighbours' weights are turned by 180 degrees (conv2), and
      zeros lie beyond the border for their sum.
      far: weight of the neighbour two pixels away; 0 as in pyiqa, which leaves that pixel out.
      rounded: False as in pyiqa, which does not round.
    """
    grey = luma(jnp.concatenate([image, ref]), rounded=rounded) / 255
    levels = pyramid(grey, far, None if size is None else jnp.concatenate([size, size]))
    distances = []
    for a, b in (jnp.split(level, 2) for level in levels):
        distances.append(root(masked_mean((a - b) ** 2, size)))
        size = shrunk(size)
    return jnp.stack(distances).mean(0)


def pyramid(
    grey: jax.Array, far: float = SECOND_RIGHT, size: jax.Array | None = None
) -> list[jax.Array]:
    """Six normalised levels of grey [b, h, w] in [0, 1], each half as large as the last."""
    bands = []
    for _ in SIGMAS[1:]:
        height, width = grey.shape[1:]
        whole = grey if size is None else mirrored(grey, 2, size)
        low = separable(whole, LOWPASS, LOWPASS, "symmetric")[:, :height:2, :width:2]
        half = shrunk(size)
        whole = low if half is None else mirrored(low, 1, half)
        bands.append(within(grey - expand(expand(whole, height, 1), width, 2), size))
        grey, size = low, half
    bands.append(within(grey, size))
    return [
        band / (sigma + filter2(jnp.abs(band), kernel(level, far), "zero"))
        for level, (band, sigma) in enumerate(zip(bands, SIGMAS, strict=True))
    ]


def kernel(level: int, far: float) -> np.ndarray:
    """The neighbours' weights [5, 5] of a level, counted from 0, as `filter2` takes them."""
    weights = np.zeros((5, 5))
    weights[1, 2], weights[2, 1], weights[2, 3], weights[3, 2] = NEIGHBOURS[level]
    if level == 0:
        weights[2, 4] = far
    return weights[::-1, ::-1]


def expand(x: jax.Array, size: int, axis: int) -> jax.Array:
    """Twice as many samples along an axis, one less if `size` is odd, filtered by `LOWPASS`.

    Zeros lie between the samples. Beyond the border the last sample is repeated.
    """
    padded = jnp.pad(x, [(int(i == axis),) * 2 for i in range(3)], mode="edge")
    n = x.shape[axis]
    before, here, after = (jax.lax.slice_in_dim(padded, i, i + n, axis=axis) for i in range(3))
    outer, inner, centre = 2 * LOWPASS[:3]
    even = float(centre) * here + float(outer) * (before + after)
    odd = float(inner) * (here + after)
    both = jnp.stack([even, odd], axis + 1).reshape(*x.shape[:axis], 2 * n, *x.shape[axis + 1 :])
    return jax.lax.slice_in_dim(both, 0, size, axis=axis)
