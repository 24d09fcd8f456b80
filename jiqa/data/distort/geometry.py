"""Distortions that move or replace pixels, or rebuild an image from a part of them, in JAX.

Every mechanism is f(image [h, w, 3] in [0, 1], strength [], random numbers) -> [h, w, 3]. `places`
are uniform in [0, 1), [PLACES, 5]; other random numbers are [h, w, 3].
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.ndimage import map_coordinates

from jiqa.data.distort import blur, colour

PLACES = 400  # patches or blocks, at most


def jitter(image: jax.Array, amount: jax.Array, normal: jax.Array) -> jax.Array:
    """Every pixel moved by a random displacement of about `amount` times the root of 5 pixels."""
    height, width = image.shape[:2]
    grid = jnp.stack(jnp.mgrid[:height, :width], -1)
    place = grid + amount * jnp.sqrt(5) * normal[..., :2]
    return _sample(image, place)


def _sample(image: jax.Array, place: jax.Array) -> jax.Array:
    """Bilinear samples, with the border repeated; `place` is (row, column), [h, w, 2]."""
    rows, columns = jnp.moveaxis(place, -1, 0)
    channels = [
        map_coordinates(image[..., channel], [rows, columns], 1, "nearest") for channel in range(3)
    ]
    return jnp.stack(channels, -1)


def colour_shift(image: jax.Array, amount: jax.Array, uniform: jax.Array) -> jax.Array:
    """Green shifted by `amount` pixels, down and right, blended in at edges.

    The blending weight is the luma's gradient magnitude, blurred by a Gaussian of deviation 4 and
    stretched to 0.1..1.
    """
    height, width = image.shape[:2]
    angle = jnp.pi / 2 * uniform[0, 0, 0]
    down, across = jnp.round(amount * jnp.sin(angle)), jnp.round(amount * jnp.cos(angle))
    rows = jnp.clip(jnp.arange(height) - down.astype(jnp.int32), 0)
    columns = jnp.clip(jnp.arange(width) - across.astype(jnp.int32), 0)
    green = image[..., 1]
    edges = jnp.hypot(*jnp.gradient(colour.luma(image)))
    edges = blur.imgaussfilt(edges[..., None], jnp.float32(4), None)[..., 0]
    weight = jnp.maximum((edges - edges.min()) / jnp.maximum(jnp.ptp(edges), 1e-6), 0.1)
    moved = green[rows[:, None], columns[None]]
    return image.at[..., 1].set(green + weight * (moved - green))


def aberration(image: jax.Array, amount: jax.Array, _: None) -> jax.Array:
    """Red shifted right and blue shifted left by `amount` pixels."""
    height, width = image.shape[:2]
    rows, columns = jnp.mgrid[:height, :width]
    red, green, blue = jnp.moveaxis(image, -1, 0)
    red, blue = (
        map_coordinates(channel, [rows, columns + move], 1, "nearest")
        for channel, move in ((red, -amount), (blue, amount))
    )
    return jnp.stack([red, green, blue], -1)


def pixelate(image: jax.Array, amount: jax.Array, _: None) -> jax.Array:
    """The image at 0.95 - amount ** 0.6 of its size and enlarged again, by nearest pixels."""
    scale = 0.95 - amount**0.6

    def source(length: int) -> jax.Array:
        small = jnp.maximum(jnp.floor(scale * length), 1)
        coarse = jnp.floor((jnp.arange(length) + 0.5) * small / length)
        return jnp.floor((coarse + 0.5) * length / small).astype(jnp.int32)

    rows, columns = map(source, image.shape[:2])
    return image[rows[:, None], columns[None]]


def patches_16(image: jax.Array, number: jax.Array, places: jax.Array) -> jax.Array:
    """Up to 100 patches (`number`) of 16x16 pixels, each copied from up to 8 pixels away."""
    return _patches(image, number, places[:100], 16)


def patches_15(image: jax.Array, number: jax.Array, places: jax.Array) -> jax.Array:
    """Up to PLACES patches (`number`) of 15x15 pixels, each copied from up to 8 pixels away."""
    return _patches(image, number, places, 15)


def _patches(image: jax.Array, number: jax.Array, places: jax.Array, side: int) -> jax.Array:
    height, width = image.shape[:2]
    sides = (min(side, height), min(side, width), 3)
    room = jnp.array([height - sides[0], width - sides[1]])

    def copy(index: int, state: jax.Array) -> jax.Array:
        of = jnp.round(places[index, :2] * room)
        to = jnp.clip(of + jnp.round((places[index, 2:4] - 0.5) * 16), 0, room)
        start, end = of.astype(jnp.int32), to.astype(jnp.int32)
        patch = jax.lax.dynamic_slice(state, (start[0], start[1], 0), sides)
        kept = jax.lax.dynamic_slice(state, (end[0], end[1], 0), sides)
        patch = jnp.where(index < jnp.round(number), patch, kept)
        return jax.lax.dynamic_update_slice(state, patch, (end[0], end[1], 0))

    return jax.lax.fori_loop(0, len(places), copy, image)


def colour_blocks(image: jax.Array, number: jax.Array, places: jax.Array) -> jax.Array:
    """Up to 32 blocks (`number`) of 32x32 pixels, at random places, in random colours."""
    height, width = image.shape[:2]
    rows, columns = jnp.mgrid[:height, :width]
    room = jnp.array([max(height - 32, 0), max(width - 32, 0)])

    def paint(index: int, state: jax.Array) -> jax.Array:
        top, left = jnp.round(places[index, :2] * room)
        inside = (rows >= top) & (rows < top + 32) & (columns >= left) & (columns < left + 32)
        inside &= index < number
        return jnp.where(inside[..., None], places[index, 2:].reshape(1, 1, 3), state)

    return jax.lax.fori_loop(0, 32, paint, image)


def denoised(image: jax.Array, deviation: jax.Array, normal: jax.Array) -> jax.Array:
    """Gaussian noise of this deviation, then removed again by thresholding sliding DCTs.

    G. Yu, G. Sapiro, "DCT image denoising", Image Processing On Line 1, 2011: an orthonormal DCT
    over the channels and every 8x8 window; coefficients below 3 deviations are dropped, and the
    windows averaged.
    """
    noisy = jnp.clip(image + deviation * normal, 0, 1)
    basis, over_channels = _dct(8), _dct(3)
    windows = _windows(_windows(jnp.einsum("hwc,kc->hwk", noisy, over_channels), 0), 1)
    spectrum = jnp.einsum("hwcij,ki,lj->hwckl", windows, basis, basis)
    kept = jnp.abs(spectrum) > 3 * deviation
    kept = kept.at[..., 0, 0].set(True)
    windows = jnp.einsum("hwckl,ki,lj->hwcij", jnp.where(kept, spectrum, 0), basis, basis)
    total = _overlap(_overlap(windows, 1), 0)
    rows, columns = (np.convolve(np.ones(n - 7), np.ones(8)) for n in image.shape[:2])
    mean = total / jnp.asarray(np.outer(rows, columns)[..., None], jnp.float32)
    return jnp.einsum("hwk,kc->hwc", mean, over_channels)


def _dct(length: int) -> np.ndarray:
    """Orthonormal DCT-II, [frequency, place]."""
    frequency, place = np.mgrid[:length, :length]
    basis = np.cos(np.pi * frequency * (place + 0.5) / length) * np.sqrt(2 / length)
    basis[0] /= np.sqrt(2)
    return basis.astype(np.float32)


def _windows(x: jax.Array, axis: int) -> jax.Array:
    """Every run of 8 samples along `axis`, as a new last axis."""
    length = x.shape[axis] - 7
    slices = [jax.lax.slice_in_dim(x, i, i + length, axis=axis) for i in range(8)]
    return jnp.stack(slices, -1)


def _overlap(x: jax.Array, axis: int) -> jax.Array:
    """Transpose of `_windows`: runs of the last axis, summed at their places."""
    margins = [(0, 0)] * (x.ndim - 1)
    padded = []
    for i in range(8):
        margins[axis] = (i, 7 - i)
        padded.append(jnp.pad(x[..., i], margins))
    return sum(padded[1:], padded[0])


def sparse_sampling(image: jax.Array, share: jax.Array, uniform: jax.Array) -> jax.Array:
    """The image rebuilt from this share of its pixels, with a sparse DCT.

    Iterative soft thresholding (I. Daubechies et al., "An iterative thresholding algorithm for
    linear inverse problems", CPAM 57, 2004) from the Gaussian-weighted mean of the kept pixels, in
    24 steps with thresholds from 1 to 1/100.
    """
    rows, columns = (_dct(length) for length in image.shape[:2])
    known = (uniform[..., :1] < share).astype(jnp.float32)
    spread = jnp.sqrt(1 / share)
    weight, total = (blur.imgaussfilt(x, spread, None) for x in (known, known * image))
    start = total / jnp.maximum(weight, 1e-6)

    def step(index: int, state: jax.Array) -> jax.Array:
        consistent = state + known * (image - state)
        spectrum = jnp.einsum("kh,hwc,lw->klc", rows, consistent, columns, optimize="optimal")
        threshold = 0.01 ** (index / 23)
        small = jnp.sign(spectrum) * jnp.maximum(jnp.abs(spectrum) - threshold, 0)
        return jnp.einsum("kh,klc,lw->hwc", rows, small, columns, optimize="optimal")

    rebuilt = jax.lax.fori_loop(0, 24, step, start)
    return jnp.where(known > 0, image, rebuilt)
