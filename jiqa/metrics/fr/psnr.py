"""PSNR: mean squared error in decibels below full scale."""

import jax
import jax.numpy as jnp

from jiqa.ops.colour import luma, studio_luma
from jiqa.ops.masks import masked_mean


def psnr(image: jax.Array, ref: jax.Array, *, size: jax.Array | None = None) -> jax.Array:
    """PSNR [b] in dB over R, G and B of images [b, h, w, 3] and references: from 0 to infinity.

    Higher is better; any size. `size`: see `jiqa.ops.masks`.

    Deviations and choices:
      As MATLAB's psnr: infinite for equal images, where the gradient is 0. pyiqa adds 1e-8 to the
      error and stops at 80 dB.
    """
    return _decibels((image - ref) ** 2, size)


def psnry(
    image: jax.Array, ref: jax.Array, *, full: bool = False, size: jax.Array | None = None
) -> jax.Array:
    """PSNR [b] in dB of luma, of images [b, h, w, 3] and references: from 0 to infinity.

    Higher is better; any size. `size`: see `jiqa.ops.masks`.

    Deviations and choices:
      Luma is the Y of MATLAB's rgb2ycbcr in 16..235, rounded as in uint8 images. Full scale is 255
      all the same, as is the custom in super-resolution.
      full: as in pyiqa, whose luma goes from 0 to 255 and is not rounded; 1.3 dB less.
    """
    y1, y2 = (luma(x) if full else studio_luma(x) for x in (image, ref))
    return _decibels(((y1 - y2) / 255) ** 2, size)


def _decibels(error: jax.Array, size: jax.Array | None) -> jax.Array:
    """Decibels of errors in 0..1: 10 log10(1 / mean), so that 1 gives 0 and not -0."""
    mean = masked_mean(error, size)
    mean = jnp.where(mean > 1, 1.0, mean)  # rounding may exceed 1
    differ = mean > 0
    return jnp.where(differ, 10 * jnp.log10(1 / jnp.where(differ, mean, 1.0)), jnp.inf)
