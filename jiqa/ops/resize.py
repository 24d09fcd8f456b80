"""MATLAB's imresize in JAX."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.errors import InputError

BAND = 32  # rows of a resizing matrix multiplied at a time
HIGHEST = jax.lax.Precision.HIGHEST


def imresize(
    x: jax.Array, to: float | tuple[int, int], kernel: str = "bicubic", *, antialias: bool = True
) -> jax.Array:
    """Maps or images resized as by MATLAB's imresize, by two matrices fixed at trace time.

    Args:
        x: maps [b, h, w] or images [b, h, w, c]; any range. The result is not clipped: a bicubic
            kernel can exceed the range of `x`.
        to: a factor (the size is rounded up), or (height, width).
        kernel: bicubic (Keys, a = -1/2) or bilinear.
        antialias: widen the kernel when shrinking.

    Raises:
        InputError: unknown kernel, or a size without pixels.
    """
    if kernel not in _KERNELS:
        raise InputError(f"kernel: found {kernel!r}, expected one of {', '.join(_KERNELS)}")
    for axis in (1, 2):
        side = x.shape[axis]
        size = to[axis - 1] if isinstance(to, tuple) else math.ceil(to * side)
        if size < 1:
            raise InputError(f"imresize: found a size of {size}, expected 1 or more")
        scale = size / side if isinstance(to, tuple) else to
        if size != side or scale != 1:
            lines = jnp.moveaxis(x, axis, 1)
            product = _banded(matrix(side, size, scale, kernel, antialias), _flat(lines))
            x = jnp.moveaxis(product.reshape(len(x), size, *lines.shape[2:]), 1, axis)
    return x


def _banded(weights: np.ndarray, lines: jax.Array) -> jax.Array:
    """`weights` [m, n] times each of `lines` [b, n, k], for weights close to a diagonal.

    BAND rows are multiplied at a time, with the range of columns that any of these rows needs.
    """
    size, side = weights.shape
    bands = np.pad(weights, ((0, -size % BAND), (0, 0))).reshape(-1, BAND, side)
    needed = [np.flatnonzero(band.any(0)) for band in bands]
    length = max(int(columns[-1] - columns[0]) + 1 for columns in needed)
    starts = [min(int(columns[0]), side - length) for columns in needed]
    parts = [band[:, i : i + length] for band, i in zip(bands, starts, strict=True)]
    windows = jnp.stack([lines[:, i : i + length] for i in starts], axis=1)
    product = jnp.matmul(jnp.asarray(np.stack(parts), lines.dtype), windows, precision=HIGHEST)
    return product.reshape(len(lines), -1, lines.shape[2])[:, :size]


def _flat(lines: jax.Array) -> jax.Array:
    """Lines with all trailing axes joined, [b, n, ...] -> [b, n, k]."""
    return lines.reshape(*lines.shape[:2], -1)


def imresize_within(
    x: jax.Array,
    to: tuple[int, int],
    *,
    size: jax.Array | None = None,
    target: jax.Array | None = None,
    antialias: bool = True,
) -> jax.Array:
    """Bilinear `imresize` of the part `size` of each map to the part `target` of the result.

    Args:
        x: maps [b, h, w] or images [b, h, w, c]; see `jiqa.ops.masks`.
        to: (height, width) of the result. Values beyond `target` are finite.
        size: int32 [b, 2], rows and columns of the image [all].
        target: int32 [b, 2], rows and columns to which the image is resized [all].
        antialias: widen the kernel when shrinking.
    """
    if size is None and target is None:
        return imresize(x, to, "bilinear", antialias=antialias)
    for axis in (1, 2):
        source, sides = x.shape[axis], to[axis - 1]
        start, end = (
            jnp.full(len(x), whole, x.dtype) if part is None else part[:, axis - 1].astype(x.dtype)
            for whole, part in ((source, size), (sides, target))
        )
        weights = _weights(start, source, end, sides, antialias)
        lines = jnp.moveaxis(x, axis, 1)
        product = jnp.matmul(weights, _flat(lines), precision=HIGHEST)
        x = jnp.moveaxis(product.reshape(len(x), sides, *lines.shape[2:]), 1, axis)
    return x


def _weights(
    side: jax.Array, sides: int, size: jax.Array, sizes: int, antialias: bool
) -> jax.Array:
    """Bilinear `matrix` of each `side` [b] to each `size` [b], floats: [b, sizes, sides].

    The kernel reaches at most `side` beyond the border, so mirroring once suffices.
    """
    side, size = side[:, None, None], size[:, None, None]
    scale = size / side
    squeeze = jnp.minimum(scale, 1.0) if antialias else 1.0
    centre = (jnp.arange(sizes, dtype=size.dtype)[None, :, None] + 0.5) / scale - 0.5
    source = jnp.arange(sides, dtype=side.dtype)[None, None]
    places = (source, -1 - source, 2 * side - 1 - source)
    weights = sum(jnp.maximum(1 - jnp.abs(squeeze * (centre - at)), 0) for at in places)
    weights = jnp.where(source < side, weights, 0.0)
    total = weights.sum(2, keepdims=True)
    return weights / jnp.where(total > 0, total, 1.0)


def matrix(side: int, size: int, scale: float, kernel: str, antialias: bool = True) -> np.ndarray:
    """Weights [size, side] that resize one axis from `side` pixels to `size`; rows sum to 1."""
    evaluate, width = _KERNELS[kernel]
    squeeze = min(scale, 1.0) if antialias else 1.0
    width /= squeeze
    centre = (np.arange(size) + 0.5) / scale - 0.5
    taps = math.ceil(width) + 2
    index = np.floor(centre - width / 2).astype(int)[:, None] + np.arange(taps)
    weights = evaluate(squeeze * (centre[:, None] - index))
    weights /= weights.sum(1, keepdims=True)
    mirrored = np.concatenate([np.arange(side), np.arange(side)[::-1]])
    out = np.zeros((size, side))
    np.add.at(out, (np.arange(size)[:, None], mirrored[index % (2 * side)]), weights)
    return out


def _bicubic(t: np.ndarray) -> np.ndarray:
    t = np.abs(t)
    near = 1.5 * t**3 - 2.5 * t**2 + 1
    far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t <= 1, near, np.where(t <= 2, far, 0))


def _bilinear(t: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(t), 0)


_KERNELS = {"bicubic": (_bicubic, 4.0), "bilinear": (_bilinear, 2.0)}
