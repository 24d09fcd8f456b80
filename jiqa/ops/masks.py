"""Images of many sizes in one array: what a measure does so that padding changes no score.

A measure that says `masks` in the registry takes `size`, int32 [b, 2]: the rows and columns of
[b, h, w, 3] that are the image. What lies below and to the right may be anything finite. None
means that all of it is the image.
"""

import jax
import jax.numpy as jnp

from jiqa.ops.filters import block_mean


def masked_mean(x: jax.Array, size: jax.Array | None = None, margin: int = 0) -> jax.Array:
    """Mean over [h, w] of maps [b, h, w] -> [b]; of the first `size - margin` rows and columns."""
    if size is None:
        return x.mean((1, 2))
    size = size - margin
    rows, columns = (jnp.arange(x.shape[axis])[None] < size[:, axis - 1, None] for axis in (1, 2))
    inside = rows[:, :, None] & columns[:, None, :]
    return jnp.where(inside, x, 0.0).sum((1, 2)) / size.prod(1).astype(x.dtype)


def shrink(
    x: jax.Array, n: int, size: jax.Array | None = None
) -> tuple[jax.Array, jax.Array | None]:
    """`block_mean(x, n)` with the border of `size` mirrored, and the size after it."""
    if size is None:
        return block_mean(x, n), None
    height, width = (-(-side // n) for side in x.shape[1:])
    x = jnp.pad(x, [(0, 0), (0, n // 2), (0, n // 2)])
    for axis in (1, 2):
        beyond = jax.lax.broadcasted_iota(size.dtype, x.shape, axis)
        beyond -= size[:, axis - 1, None, None]
        for i in range(n // 2):
            x = jnp.where(beyond == i, jnp.roll(x, 2 * i + 1, axis), x)
    return block_mean(x, n)[:, :height, :width], -(-size // n)
