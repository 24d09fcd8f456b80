"""Images of many sizes in one array: operations in which padding changes no score.

A metric with `masks` in the registry takes `size`, int32 [b, 2]: rows and columns of the image
within [b, h, w, 3]. Values below and to the right of the image may be anything finite. A size of
None means that the image fills the array.
"""

import math

import jax
import jax.numpy as jnp

from jiqa.ops.filters import block_mean


def bucket(side: int) -> int:
    """Side of the padded array for an image's side: the next 64 n - 1, from 1024 on 128 n - 1.

    SSIM then shrinks by the same factor with and without padding: round(side / 256) changes at odd
    multiples of 128.
    """
    step = 64 if side < 1024 else 128
    return (side // step + 1) * step - 1


def masked_mean(x: jax.Array, size: jax.Array | None = None, margin: int = 0) -> jax.Array:
    """Mean [b] of maps [b, h, w, ...] over all but b, within `size - margin` rows and columns."""
    count = math.prod(x.shape[1:])
    if size is not None:
        size = size - margin
        x = within(x, size)
        count = (size.prod(1) * math.prod(x.shape[3:])).astype(x.dtype)
    if x.ndim > 3:
        return x.sum(tuple(range(1, x.ndim))) / count
    # Rows by a matrix product: XLA would fuse a sum with the map's source into a slow CPU loop.
    height, width = x.shape[1:]
    rows = jnp.matmul(x.reshape(-1, width), jnp.ones(width, x.dtype), precision="highest")
    return rows.reshape(-1, height).sum(1) / count


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
    """`block_mean(x, n)` with the border of `size` mirrored, and the new size."""
    if size is None:
        return block_mean(x, n), None
    height, width = (-(-side // n) for side in x.shape[1:])
    return block_mean(mirrored(x, n // 2, size), n)[:, :height, :width], shrunk(size, n)


def shrunk(size: jax.Array | None, n: int = 2) -> jax.Array | None:
    """Size after keeping every n-th row and column, starting with the first."""
    return None if size is None else -(-size // n)


def mirrored(x: jax.Array, n: int, size: jax.Array) -> jax.Array:
    """Maps [b, h + n, w + n] whose n rows and columns beyond `size` mirror those before."""
    x = jnp.pad(x, [(0, 0), (0, n), (0, n)])
    for axis in (1, 2):
        beyond = jax.lax.broadcasted_iota(size.dtype, x.shape, axis)
        beyond -= size[:, axis - 1, None, None]
        for i in range(n):
            x = jnp.where(beyond == i, jnp.roll(x, 2 * i + 1, axis), x)
    return x


def reflected(x: jax.Array, n: int, size: jax.Array | None) -> jax.Array:
    """Maps [b, h + 2 n, w + 2 n, ...]: n rows and columns mirrored around `size`, without edge."""
    if size is None:
        return jnp.pad(x, [(0, 0), (n, n), (n, n)] + [(0, 0)] * (x.ndim - 3), mode="reflect")
    for axis in (1, 2):
        last = size[:, axis - 1, None] - 1
        position = jnp.abs(jnp.arange(-n, x.shape[axis] + n))[None]
        position = jnp.maximum(jnp.where(position > last, 2 * last - position, position), 0)
        x = jax.vmap(lambda m, position, axis=axis: jnp.take(m, position, axis - 1))(x, position)
    return x


def replicated(x: jax.Array, size: jax.Array) -> jax.Array:
    """Maps [b, h, w] with the last row and column within `size` repeated beyond."""
    for axis in (1, 2):
        last = size[:, axis - 1, None, None] - 1
        beyond = jax.lax.broadcasted_iota(size.dtype, x.shape, axis) > last
        x = jnp.where(beyond, jnp.take_along_axis(x, last, axis), x)
    return x


def wrapped(x: jax.Array, size: jax.Array | None) -> jax.Array:
    """Maps [b, h + 2, w + 2] with the opposite rows and columns around the first `size` ones."""
    if size is None:
        return jnp.pad(x, [(0, 0), (1, 1), (1, 1)], mode="wrap")
    for axis in (1, 2):
        end = size[:, axis - 1, None, None]
        first = jax.lax.slice_in_dim(x, 0, 1, axis=axis)
        last = jnp.take_along_axis(x, end - 1, axis)
        x = jnp.concatenate([last, x, jnp.zeros_like(first)], axis)
        after = jax.lax.broadcasted_iota(size.dtype, x.shape, axis) == end + 1
        x = jnp.where(after, first, x)
    return x
