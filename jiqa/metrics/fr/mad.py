"""MAD: most apparent distortion, a blend of detected errors and of changed appearance.

Larson and Chandler, "Most apparent distortion: full-reference image quality assessment and the role
of strategy", Journal of Electronic Imaging 19(1), 2010.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.ops.colour import luma
from jiqa.ops.phase import log_gabor, spread
from jiqa.ops.powers import power, root

# Statistics are taken of blocks of 4 x 4 cells, one block at every cell.
CELL, SIDE = 4, 4
BLOCK = CELL * SIDE
BEFORE, AFTER = BLOCK, BLOCK + 1  # pixels left out at the border

# Detection: the cube root of luminance (k v)^2.2 as displayed; thresholds apply to the logarithm of
# contrast, and blocks darker than DARK have no distortion.
GAIN, POWER, DARK = 0.02874, 2.2 / 3, 0.5
THRESHOLD, SCALE = -5.0, 200.0
CYCLES = 32  # per degree, at half the sampling frequency

# Appearance: log-Gabor filters.
SCALES, ORIENTATIONS = 5, 4
SHORTEST, RATIO, SIGMA = 3.0, 3.0, -np.log(0.55)
ANGLE_SIGMA = np.pi / ORIENTATIONS / 1.5
FLAT = 1e-8  # variance of grey levels due to float32's rounding alone
WEIGHTS = np.array([0.5, 0.75, 1.0, 5.0, 6.0]) / 13.25

# Blend of detection and appearance.
BETA_1, BETA_2 = float(np.exp(-2.55 / 3.35)), float(1 / (np.log(10) * 3.35))


def mad(image: jax.Array, ref: jax.Array) -> jax.Array:
    """MAD [b] of images [b, h, w, 3] and references: 0 for equal images, no upper bound.

    Lower is better. Sides are 34 pixels or more.

    Deviations and choices:
      As in the authors' MATLAB code: rgb2gray is rounded to whole levels; 16 pixels at the top and
      left, 17 at the bottom and right are left out; detection is multiplied by 200. The smallest
      deviation is taken of 8 x 8 pixels at offsets 0 and 4, as known of their compiled part, where
      the paper has four quarters. Deviations are unbiased. Where a filter's response is flat,
      skewness and kurtosis are 0, here within the rounding of float32.
      pyiqa's mad is another metric: its first orientation's filters, its masking and its
      deviations differ, and its scores are about twice as high.
      The gradient is that of grey before rounding.
    """
    x, y = luma(ref, rounded=True), luma(image, rounded=True)
    high, low = detection(x, y), appearance(x, y)
    blend = 1 / (1 + BETA_1 * power(high, BETA_2))
    return power(low, 1 - blend) * power(high, blend)


def detection(x: jax.Array, y: jax.Array) -> jax.Array:
    """Visible error [b] of a reference and an image, grey [b, h, w] in 0..255."""
    height, width = x.shape[1:]
    csf = jnp.asarray(_csf(height, width), x.dtype)

    def seen(grey: jax.Array) -> jax.Array:
        lightness = GAIN * power(grey, POWER)
        return jnp.fft.irfft2(jnp.fft.rfft2(lightness) * csf[None], (height, width))

    seen_x, seen_y = seen(x), seen(y)
    mean, *_ = _moments(_cells(seen_x), SIDE)
    quarter = _deviation(_moments(_cells(seen_x), SIDE // 2)[1], BLOCK // 2)
    rows, columns = mean.shape[1:]
    masker = functools.reduce(
        jnp.minimum, [quarter[:, i : i + rows, j : j + columns] for i in (0, 1) for j in (0, 1)]
    )
    error = _deviation(_moments(_cells(seen_y - seen_x), SIDE)[1], BLOCK)
    bright = mean >= DARK
    level = jnp.where(bright, mean, 1.0)
    tiny = jnp.finfo(x.dtype).tiny
    contrast, masking = (jnp.log(jnp.maximum(m, tiny) / level) for m in (error, masker))
    visible = jnp.where(bright, jnp.maximum(contrast - jnp.maximum(masking, THRESHOLD), 0), 0.0)
    visible = jnp.repeat(jnp.repeat(visible, CELL, 1), CELL, 2)
    visible = visible[:, BEFORE : height - AFTER, BEFORE : width - AFTER]

    square = (x - y) ** 2
    for axis in (1, 2):  # the mean of 16 pixels, 7 of them before
        size = [BLOCK if i == axis else 1 for i in range(3)]
        square = jax.lax.slice_in_dim(square, BEFORE - 7, square.shape[axis] - AFTER + 8, axis=axis)
        square = jax.lax.reduce_window(square, 0.0, jax.lax.add, size, (1, 1, 1), "VALID") / BLOCK
    return SCALE * root(((visible * square) ** 2).mean((1, 2)))


def appearance(x: jax.Array, y: jax.Array) -> jax.Array:
    """Change of local statistics [b] of a reference and an image, grey [b, h, w] in 0..255."""
    b, height, width = x.shape
    radial, angular = _filters(height, width)
    both = jnp.concatenate([x, y])
    both -= both.mean((1, 2), keepdims=True)  # no filter passes the mean; float32 is finer
    spectrum = jnp.fft.fft2(both)[:, None]
    cells = height // CELL - SIDE + 1, width // CELL - SIDE + 1
    change = jnp.zeros((b, SCALES, *cells), x.dtype)
    for orientation in angular:
        bank = jnp.asarray(radial * orientation, x.dtype)[None]
        response = jnp.abs(jnp.fft.ifft2(spectrum * bank)).reshape(-1, height, width)
        _, m2, m3, m4 = _moments(_cells(response), SIDE)
        varies = m2 > FLAT
        variance = jnp.where(varies, m2, 1.0)
        skewness = jnp.where(varies, m3, 0.0) / variance**1.5
        kurtosis = jnp.where(varies, m4, 0.0) / variance**2
        statistics = jnp.stack([_deviation(m2, BLOCK), 2 * skewness, kurtosis])
        statistics = statistics.reshape(3, 2, b, SCALES, *m2.shape[1:])
        change += jnp.abs(statistics[:, 0] - statistics[:, 1]).sum(0)
    # Weighted once, not in every orientation: XLA's CPU compiler computes sums of sums of products
    # with the same weights wrongly, see docs/xla-cpu-sums.md.
    weights = jnp.asarray(WEIGHTS, x.dtype)[None, :, None, None]
    change = (change * weights).sum(1)
    rows, columns = (
        np.bincount(np.arange(BEFORE, side - AFTER) // CELL, minlength=n) / (side - BEFORE - AFTER)
        for side, n in zip((height, width), cells, strict=True)
    )
    share = jnp.asarray(np.outer(rows, columns), x.dtype)[None]  # of the remaining pixels
    return root((change**2 * share).sum((1, 2)))


def _cells(x: jax.Array) -> tuple[jax.Array, ...]:
    """Mean, second to fourth central moment of every cell, [n, h, w] -> [n, h / 4, w / 4]."""
    n, rows, columns = len(x), x.shape[1] // CELL, x.shape[2] // CELL
    x = x[:, : CELL * rows, : CELL * columns].reshape(n, rows, CELL, columns, CELL)
    mean = x.mean((2, 4))
    x = x - mean[:, :, None, :, None]
    square = x * x
    return mean, square.mean((2, 4)), (square * x).mean((2, 4)), (square * square).mean((2, 4))


def _moments(cells: tuple[jax.Array, ...], side: int) -> tuple[jax.Array, ...]:
    """Moments of side x side cells, [n, rows - side + 1, columns - side + 1], at every cell."""
    rows, columns = (k - side + 1 for k in cells[0].shape[1:])
    mean, m2, m3, m4 = (
        jnp.stack([m[:, i : i + rows, j : j + columns] for i in range(side) for j in range(side)])
        for m in cells
    )
    whole = mean.mean(0)
    d = mean - whole[None]
    return (
        whole,
        (m2 + d**2).mean(0),
        (m3 + 3 * d * m2 + d**3).mean(0),
        (m4 + 4 * d * m3 + 6 * d**2 * m2 + d**4).mean(0),
    )


def _deviation(variance: jax.Array, side: int) -> jax.Array:
    """Unbiased deviation of side x side pixels."""
    return root(variance * (side**2 / (side**2 - 1)))


@functools.lru_cache(maxsize=8)
def _csf(height: int, width: int) -> np.ndarray:
    """Contrast sensitivity [h, w / 2 + 1], at the frequencies of rfft2.

    The authors' grid is half a sample off the frequencies, and they take the real part of the
    inverse. The mean of the sensitivities at a frequency and at its opposite is equivalent.
    """
    v, u = ((np.arange(n) - n / 2 + 0.5) * 2 * CYCLES / width for n in (height, width))
    plane = v[:, None] + 1j * u[None]
    frequency = np.abs(plane) / (0.15 * np.cos(4 * np.angle(plane)) + 0.85)
    csf = 2.6 * (0.0192 + 0.114 * frequency) * np.exp(-((0.114 * frequency) ** 1.1))
    csf = np.fft.ifftshift(np.where(frequency < 7.8909, 0.9809, csf))
    opposite = np.roll(csf[::-1, ::-1], 1, (0, 1))
    return ((csf + opposite) / 2)[:, : width // 2 + 1]


@functools.lru_cache(maxsize=8)
def _filters(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Radial parts [scale, h, w] and angular parts [orientation, h, w] of the filters.

    As in the authors' code, odd sides lack the frequency 0, and a neighbour is left out instead.
    """
    y, x = (((np.arange(n) - n / 2) / (n / 2)) for n in (height, width))
    x, y = x[None], y[:, None]
    radius = np.hypot(x, y)
    radius[(height + 1) // 2, (width + 1) // 2] = 0
    wavelengths = SHORTEST * RATIO ** np.arange(SCALES)
    radial = [log_gabor(radius, 2 / wavelength, SIGMA) for wavelength in wavelengths]
    angles = np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS
    angular = [spread(x, y, angle, ANGLE_SIGMA) for angle in angles]
    radial, angular = (np.fft.fftshift(np.stack(m), (1, 2)) for m in (radial, angular))
    return radial, angular
