"""Noise, in JAX.

Every mechanism is f(image [h, w, 3] in [0, 1], strength [], random numbers) -> [h, w, 3], clipped
to [0, 1] by its caller. The random numbers are standard normal or uniform in [0, 1), [h, w, 3].
"""

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.data.distort import blur, colour

# Change of R, G and B for a change of 1 in Y, Cb and Cr (BT.601, 16..235 and 16..240 of 255).
_FROM_YCBCR = np.linalg.inv(
    np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
    / 255
).astype(np.float32)


def gaussian(image: jax.Array, deviation: jax.Array, normal: jax.Array) -> jax.Array:
    """Independent Gaussian noise of this standard deviation in every channel."""
    return image + deviation * normal


def white(image: jax.Array, variance: jax.Array, normal: jax.Array) -> jax.Array:
    """`gaussian` with a variance in place of a deviation."""
    return gaussian(image, jnp.sqrt(variance), normal)


def white_ycbcr(image: jax.Array, variance: jax.Array, normal: jax.Array) -> jax.Array:
    """Gaussian noise of this variance in Y, Cb and Cr."""
    return image + jnp.sqrt(variance) * jnp.einsum("hwc,rc->hwr", normal, _FROM_YCBCR)


def coloured(image: jax.Array, deviation: jax.Array, normal: jax.Array) -> jax.Array:
    """Gaussian noise of this deviation in Cb and Cr, and of a quarter of the deviation in Y."""
    share = jnp.array([0.25, 1, 1]).reshape(1, 1, 3)
    return image + deviation * jnp.einsum("hwc,rc->hwr", normal * share, _FROM_YCBCR)


def correlated(image: jax.Array, deviation: jax.Array, normal: jax.Array) -> jax.Array:
    """Gaussian noise of this deviation, averaged over 3x3 pixels."""
    return image + deviation * blur.box(normal, 3)


def high_frequency(image: jax.Array, deviation: jax.Array, normal: jax.Array) -> jax.Array:
    """Gaussian noise of this deviation, minus its own 3x3 average."""
    return image + deviation * (normal - blur.box(normal, 3))


def masked(image: jax.Array, deviation: jax.Array, normal: jax.Array) -> jax.Array:
    """Gaussian noise where texture hides it: multiplied by the luma's deviation over 7x7 pixels."""
    luma = colour.luma(image)[..., None]
    variance = blur.box(luma**2, 7) - blur.box(luma, 7) ** 2
    return image + deviation * jnp.sqrt(jnp.maximum(variance, 0)) * normal


def impulse(image: jax.Array, density: jax.Array, uniform: jax.Array) -> jax.Array:
    """This share of the samples set to 0 or 1, each with equal probability."""
    return jnp.where(uniform < density / 2, 0, jnp.where(uniform < density, 1, image))


def multiplicative(image: jax.Array, deviation: jax.Array, normal: jax.Array) -> jax.Array:
    """Gaussian noise of this deviation multiplied by the sample."""
    return image + deviation * normal * image


def speckle(image: jax.Array, variance: jax.Array, uniform: jax.Array) -> jax.Array:
    """Uniform noise of this variance and mean 0 multiplied by the sample, as MATLAB's imnoise."""
    return image + jnp.sqrt(12 * variance) * (uniform - 0.5) * image
