"""Blurs, in JAX; images are mirrored at the border.

Every mechanism is f(image [h, w, 3] in [0, 1], strength [], random numbers or None) -> [h, w, 3].
"""

import jax
import jax.numpy as jnp

REACH = 100  # pixels; the widest Gaussian


def gaussian(image: jax.Array, deviation: jax.Array, radius: jax.Array) -> jax.Array:
    """Gaussian of this deviation in pixels, cut off beyond `radius` <= REACH; [h, w, c]."""
    rows, columns = (_matrix(length, deviation, radius) for length in image.shape[:2])
    return jnp.einsum("ih,hwc,jw->ijc", rows, image, columns, optimize="optimal")


def _matrix(length: int, deviation: jax.Array, radius: jax.Array) -> jax.Array:
    """Matrix [length, length]: the weight of each sample in each blurred sample."""
    to, of = jnp.mgrid[:length, :length]
    total = jnp.zeros((length, length))
    for turn in range(-(REACH // (2 * length)) - 1, REACH // (2 * length) + 2):
        for offset in (to - of, to + of + 1):
            distance = (offset + 2 * length * turn).astype(jnp.float32)
            weight = jnp.exp(-0.5 * (distance / deviation) ** 2)
            total += jnp.where(jnp.abs(distance) <= radius, weight, 0)
    return total / total.sum(1, keepdims=True)


def box(image: jax.Array, side: int) -> jax.Array:
    """Mean over `side` x `side` pixels, `side` being odd; [h, w, c]."""
    margin = side // 2
    padded = jnp.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric")
    window = (side, side, 1)
    return jax.lax.reduce_window(padded, 0.0, jax.lax.add, window, (1, 1, 1), "VALID") / side**2


def imgaussfilt(image: jax.Array, deviation: jax.Array, _: None) -> jax.Array:
    """Gaussian of this deviation, cut off at twice the deviation, as MATLAB's imgaussfilt."""
    return gaussian(image, deviation, jnp.ceil(2 * deviation))


def windowed(image: jax.Array, window: jax.Array, _: None) -> jax.Array:
    """Gaussian over `window` pixels, with a sixth of the window as deviation."""
    return gaussian(image, window / 6, (window - 1) / 2)


def lens(image: jax.Array, radius: jax.Array, _: None) -> jax.Array:
    """Mean over a disk of this radius, up to 8 pixels."""
    return _convolve(image, disk(radius, 8))


def disk(radius: jax.Array, reach: int) -> jax.Array:
    """Share of a disk that lies in each pixel, [2 reach + 1, 2 reach + 1]."""
    places = jnp.arange(-reach, reach + 1.0)
    across = places[:, None] + (jnp.arange(64.0)[None] + 0.5) / 64 - 0.5
    half = jnp.sqrt(jnp.maximum(radius**2 - across**2, 0)).reshape(1, -1, 64)
    low, high = (places.reshape(-1, 1, 1) + edge for edge in (-0.5, 0.5))
    inside = jnp.minimum(half, high) - jnp.maximum(-half, low)
    area = jnp.maximum(inside, 0).mean(-1)
    return area / area.sum()


def motion(image: jax.Array, length: jax.Array, uniform: jax.Array) -> jax.Array:
    """Mean along a line of this length, up to 10 pixels, at a random angle."""
    places = jnp.arange(-6.0, 7.0)[:, None]
    along = (length * (jnp.arange(64.0) + 0.5) / 64 - length / 2)[None]
    angle = jnp.pi * uniform[0, 0, 0]
    down = jnp.maximum(1 - jnp.abs(places - along * jnp.sin(angle)), 0)
    across = jnp.maximum(1 - jnp.abs(places - along * jnp.cos(angle)), 0)
    return _convolve(image, down @ across.T / 64)


def _convolve(image: jax.Array, kernel: jax.Array) -> jax.Array:
    margin = kernel.shape[0] // 2
    padded = jnp.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric")
    kernels = jnp.repeat(kernel[..., None], image.shape[-1], -1)
    return jax.scipy.signal.fftconvolve(padded, kernels, mode="valid", axes=(0, 1))
