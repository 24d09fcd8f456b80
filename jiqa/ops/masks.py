"""Images of many sizes in one array: what a measure does so that padding changes no score.

A measure that says `masks` in the registry takes `size`, int32 [b, 2]: the rows and columns of
[b, h, w, 3] that are the image. What lies below and to the right is its mirror image, the border
pixel repeated (MATLAB's `symmetric`). None means that all of it is.
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
    """`block_mean(x, n)` and the size after it, with the mirror image one pixel wide."""
    x = block_mean(x, n)
    if size is None:
        return x, None
    size = -(-size // n)
    for axis in (1, 2):
        border = (
            jax.lax.broadcasted_iota(size.dtype, x.shape, axis) == size[:, axis - 1, None, None]
        )
        x = jnp.where(border, jnp.roll(x, 1, axis), x)
    return x, size
