"""SSIM: similarity of luminance, contrast and structure in a sliding window.

Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural
similarity", IEEE TIP 13(4), 2004, equations 13 to 16.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.ops.colour import luma
from jiqa.ops.filters import gaussian_line, separable
from jiqa.ops.masks import masked_mean, replicated, shrink

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
SIDE = 11
_WINDOW = gaussian_line(SIDE, 1.5)
_FLAT = np.full(7, 1 / 7)


def ssim(image: jax.Array, ref: jax.Array, *, size: jax.Array | None = None) -> jax.Array:
    """SSIM [b] of images [b, h, w, 3] and references: above -1, 1 for equal images.

    Higher is better. Sides are 11 pixels or more. `size`: see `jiqa.ops.masks`; every image must
    have the array's `factor`.

    Deviations and choices:
      As in the authors' MATLAB code ssim.m: rgb2gray is rounded to whole levels; the mean of f x f
      pixels is taken at every f-th pixel (f = `factor`); a Gaussian window of 11 x 11 and deviation
      1.5 stays inside the image. ssim_index.m of 2003, pyiqa and scikit-image have no f, and agree
      where f is 1. The gradient is that of grey before rounding.
    """
    f = factor(*image.shape[1:3])
    (y1, shrunk), (y2, _) = (shrink(luma(x, rounded=True), f, size) for x in (image, ref))
    luminance, structure = components(y1, y2)
    return mean_score(luminance * structure, shrunk, SIDE - 1)


def ssim_matlab(image: jax.Array, ref: jax.Array, *, size: jax.Array | None = None) -> jax.Array:
    """MATLAB's built-in ssim [b] of images [b, h, w, 3] and references: above -1, 1 for equal ones.

    Higher is better; any size. `size`: see `jiqa.ops.masks`.

    Deviations and choices:
      As MATLAB's defaults on rgb2gray's uint8 images: full size, a Gaussian window of 11 x 11 and
      deviation 1.5 with the border repeated, and the mean of the whole map.
    """
    x, y = luma(image, rounded=True), luma(ref, rounded=True)
    if size is not None:
        x, y = replicated(x, size), replicated(y, size)
    luminance, structure = components(x, y, "replicate")
    return mean_score(luminance * structure, size)


def factor(height: int, width: int) -> int:
    """Factor by which `ssim` shrinks images: the shorter side over 256, rounded, 1 or more."""
    return max(1, int(min(height, width) / 256 + 0.5))


def ssim_map(image: jax.Array, ref: jax.Array) -> jax.Array:
    """SSIM at every pixel, [b, h, w] in -1..1, the target of MT-IRN's training.

    Images keep their size and luma is not rounded. Borders are reflected so that the map has the
    image's size; the mean of the map therefore differs from `ssim`. Sides are 6 pixels or more.
    """
    luminance, structure = components(luma(image), luma(ref), "reflect")
    return luminance * structure


def ssim_skimage(image: jax.Array, ref: jax.Array, *, size: jax.Array | None = None) -> jax.Array:
    """scikit-image's SSIM [b] of images [b, h, w, 3] and references: above -1, 1 for equal ones.

    Higher is better. As structural_similarity(channel_axis=-1): R, G and B separately, in a flat
    window of 7 x 7 that stays inside the image, with the unbiased variance, at full size. Sides are
    7 pixels or more. `size`: see `jiqa.ops.masks`.
    """
    x, y = (jnp.moveaxis(255 * rgb, -1, 1).reshape(-1, *rgb.shape[1:3]) for rgb in (image, ref))
    luminance, structure = components(x, y, window=_FLAT, bias=49 / 48)
    sizes = None if size is None else jnp.repeat(size, 3, 0)
    means = mean_score(luminance * structure, sizes, len(_FLAT) - 1)
    return means.reshape(-1, 3).mean(1)


def components(
    x: jax.Array,
    y: jax.Array,
    padding: str = "valid",
    window: np.ndarray = _WINDOW,
    bias: float = 1.0,
) -> tuple[jax.Array, jax.Array]:
    """Luminance, and contrast times structure, of maps [b, h, w] in 0..255 -> [b, h, w].

    `window` [n] is one factor of the separable window, of sum 1; `bias` multiplies the
    (co)variances. Both results are 1 minus a distance computed from x - y: exactly 1 where x and y
    are equal, and at most 1.
    """
    x, y = x - 128, y - 128  # same variances, smaller squares: less rounding
    away = x - y
    stack = jnp.concatenate([x, away, x * x + y * y, away * away])
    means = separable(stack, window, window, padding)
    mean_x, mean_away, squares, squares_away = jnp.split(means, 4)
    mean_y = mean_x - mean_away
    variances = jnp.maximum(squares - mean_x**2 - mean_y**2, 0)
    variance_away = jnp.maximum(squares_away - mean_away**2, 0)  # var x + var y - 2 cov
    structure = 1 - bias * variance_away / (bias * variances + C2)
    luminance = 1 - mean_away**2 / ((mean_x + 128) ** 2 + (mean_y + 128) ** 2 + C1)
    return luminance, structure


def mean_score(score: jax.Array, size: jax.Array | None = None, margin: int = 0) -> jax.Array:
    """`masked_mean` of scores [b, h, w] up to 1, exactly 1 where all of them are 1."""
    return 1 - masked_mean(1 - score, size, margin)
