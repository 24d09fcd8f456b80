"""Images of many sizes in one array: what a measure does so that padding changes no score.

A measure that says `masks` in the registry takes `size`, int32 [b, 2]: the rows and columns of
[b, h, w, 3] that are the image. What lies below and to the right may be anything finite. None
means that all of it is the image.
"""

import math

import jax
import jax.numpy as jnp

from jiqa.ops.filters import block_mean


def masked_mean(x: jax.Array, size: jax.Array | None = None, margin: int = 0) -> jax.Array:
    """Mean over [h, w, ...] of maps [b, h, w, ...] -> [b]; of `size - margin` rows and columns."""
    axes = tuple(range(1, x.ndim))
    if size is None:
        return x.mean(axes)
    size = size - margin
    return within(x, size).sum(axes) / (size.prod(1) * math.prod(x.shape[3:])).astype(x.dtype)


def within(x: jax.Array, size: jax.Array | None) -> jax.Array:
    """Maps [b, h, w, ...] with zeros beyond the first `size` rows and columns."""
    if size is None:
        return x
    rows, columns = (
        jax.lax.broadcasted_iota(size.dtype, x.shape, axis)
        < jnp.expand_dims(size[:, axis - 1], tuple(range(1, x.ndim)))
        for axis in (1, 2)
    )
    return jnp.where(rows & columns, x, 0.0)


def shrink(
    x: jax.Array, n: int, size: jax.Array | None = None
) -> tuple[jax.Array, jax.Array | None]:
    """`block_mean(x, n)` with the border of `size` mirrored, and the size after it."""
    if size is None:
        return block_mean(x, n), None
    height, width = (-(-side // n) for side in x.shape[1:])
    return block_mean(mirrored(x, n // 2, size), n)[:, :height, :width], -(-size // n)


def mirrored(x: jax.Array, n: int, size: jax.Array) -> jax.Array:
    """Maps [b, h + n, w + n] in which the n rows and columns beyond `size` mirror those before."""
    x = jnp.pad(x, [(0, 0), (0, n), (0, n)])
    for axis in (1, 2):
        beyond = jax.lax.broadcasted_iota(size.dtype, x.shape, axis)
        beyond -= size[:, axis - 1, None, None]
        for i in range(n):
            x = jnp.where(beyond == i, jnp.roll(x, 2 * i + 1, axis), x)
    return x
