"""DIIVINE: statistics of divisively normalised coefficients of a steerable pyramid, 88 features.

Moorthy, Bovik, Blind image quality assessment: from natural scene statistics to perceptual quality,
IEEE TIP 20(12), 2011. Sec. III: a pyramid of two scales and six orientations (Simoncelli, Freeman,
1995), every coefficient divided by the local multiplier of a Gaussian scale mixture (Wainwright,
Simoncelli, 2000) over 15 neighbours: 3x3 of the same band, the parent, the 5 other orientations.

f1..12 and f13..24: variance and shape of a generalised Gaussian of each band; f25..31: shape of the
two bands of each orientation together, and of all bands; f32..43: structural correlation of the
high-pass residual with each band; f44..73: for each orientation of the finer scale, the correlation
of coefficients 1 to 25 apart as a cubic of the distance, four coefficients and the error of the
fit; f74..88: structural correlation of each pair of orientations of the coarser scale.

Deviations and choices: one regression (`jiqa.tasks.svr`) serves all distortions. The paper
classifies the distortion first and weighs a regression for each by its probability, which needs
databases that label distortions. The paper leaves open the following choices: masks in the Fourier
domain, so borders wrap around, for neighbours and distances too; odd sides lose a line; grey is
rounded as uint8 images are; the coarser scale has 14 neighbours, since its parents are not
computed; a ridge of 1e-6 of the variances, so that flat images have features; f32..43 use the bands
as they are, at full size, f74..88 the normalised ones; correlations use a Gaussian window of 15x15
and deviation 1.5 with SSIM's second constant, without borders; distances are the chessboard's, all
directions together; the error is the root of the sum of squares.
"""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.errors import InputError
from jiqa.ops import distributions, filters
from jiqa.ops.colour import luma
from jiqa.ops.powers import root

ORIENTATIONS = 6
LEAST = 64
_DISTANCES = np.arange(1, 26)
_STABLE = (0.03 * 255) ** 2
_RIDGE = 1e-6

_product = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)


def features(image: jax.Array) -> jax.Array:
    """Features of images in the paper's order, [b, h, w, 3] -> [b, 88].

    Raises:
        InputError: a side is shorter than 64 pixels.
    """
    height, width = image.shape[1:3]
    if min(height, width) < LEAST:
        raise InputError(
            f"diivine: found {height}x{width} pixels, expected {LEAST} or more on each side"
        )
    x = luma(image, rounded=True)[:, : height // 2 * 2, : width // 2 * 2]
    # Without the barriers XLA recomputes the stages for every use, and takes minutes to compile.
    high, fine, full = jax.lax.optimization_barrier(pyramid(x))
    scales = normalise(fine, full), normalise(full[:, :, ::2, ::2])
    scales = jax.lax.optimization_barrier(scales)
    shape, variance = (
        jnp.concatenate(found, 1)
        for found in zip(*(distributions.ggd(g, (2, 3)) for g in scales), strict=True)
    )
    flat = [g.reshape(*g.shape[:2], -1) for g in scales]
    joined = jnp.concatenate(flat, 2)
    along, _ = distributions.ggd(joined, (2,))
    every, _ = distributions.ggd(joined, (1, 2))
    bands = jnp.concatenate([fine, full], 1)
    residual = jnp.broadcast_to(high[:, None], bands.shape)
    first, second = np.array(list(itertools.combinations(range(ORIENTATIONS), 2))).T
    parts = [variance, shape, along, every[:, None]]
    parts += [correlation(residual, bands), spatial(scales[0])]
    parts += [correlation(scales[1][:, first], scales[1][:, second])]
    return jnp.concatenate(parts, 1)


def pyramid(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """High-pass residual of maps [b, h, w], and 6 bands [b, 6, h, w] of each of two scales.

    All are at full size; every second row and column of the second scale would suffice.
    """
    size = x.shape[1:]
    high, bands = _masks(*size)
    spectrum = jnp.fft.rfft2(x)
    residual = jnp.fft.irfft2(spectrum * jnp.asarray(high, x.dtype)[None], size)
    # The filters are odd, so their spectrum is imaginary.
    turned = -1j * spectrum[:, None] * jnp.asarray(bands, x.dtype)[None]
    oriented = jnp.fft.irfft2(turned, size)
    return residual, oriented[:, :ORIENTATIONS], oriented[:, ORIENTATIONS:]


def _masks(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Real masks of the half spectrum: residual's [h, w/2 + 1], bands' [12, h, w/2 + 1]."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    with np.errstate(divide="ignore"):
        octave = np.log2(2 * np.hypot(down, across))  # 0 is the highest frequency of an axis
    angle = np.arctan2(down, across)
    order = ORIENTATIONS - 1
    scale = 2**order * math.factorial(order) / math.sqrt(math.factorial(2 * order) * ORIENTATIONS)
    turns = np.pi / ORIENTATIONS * np.arange(ORIENTATIONS)[:, None, None]
    oriented = scale * np.cos(angle - turns) ** order
    low, upper, lower = _low(octave), _high(octave + 1), _low(octave + 1)
    radial = [low * upper, lower * _high(octave + 2)]
    return _high(octave), np.concatenate([band * oriented for band in radial])


def _high(octave: np.ndarray) -> np.ndarray:
    """Mask of high frequencies: rises from 0 to 1 over the octave below 0."""
    return np.cos(np.pi / 2 * np.clip(octave, -1, 0))


def _low(octave: np.ndarray) -> np.ndarray:
    """Mask of low frequencies: falls where `_high` rises; the squares of both add up to 1."""
    return np.cos(np.pi / 2 * np.clip(octave + 1, 0, 1))


def normalise(bands: jax.Array, parents: jax.Array | None = None) -> jax.Array:
    """Bands y [b, 6, h, w] divided by their local multiplier: y / sqrt(z), [b, 6, h, w].

    z = Y' C^-1 Y / n for the n neighbours Y of a coefficient y, which include y; C = mean Y Y'.
    `parents` are the bands of the next scale, at the size of `bands`.
    """
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]

    def one(of: tuple[jax.Array, ...]) -> jax.Array:
        band, *rest = of
        near = [jnp.roll(band, shift, (1, 2)) for shift in shifts] + rest
        energy = _whitened_energy(jnp.stack(near, 1).reshape(len(band), len(near), -1))
        return distributions.over(band, root(energy.reshape(band.shape)))

    by_band = bands.swapaxes(0, 1)
    turned = [jnp.roll(by_band, -k, 0) for k in range(ORIENTATIONS)]  # own band first
    turned += [] if parents is None else [parents.swapaxes(0, 1)]
    return jax.lax.map(one, tuple(turned)).swapaxes(0, 1)


def _whitened_energy(y: jax.Array) -> jax.Array:
    """Mean square of n variables once their covariance is the identity, [b, n, m] -> [b, m]."""
    # Scaled to unit variance first: a parent's and a flat direction's differ by magnitudes.
    y = distributions.over(y, jnp.broadcast_to(root((y * y).mean(2, keepdims=True)), y.shape))
    covariance = _product(y, y.swapaxes(1, 2)) / y.shape[2]
    eye = jnp.broadcast_to(jnp.eye(y.shape[1]), covariance.shape)
    factor = jnp.linalg.cholesky(covariance + _RIDGE * eye)
    white = _product(jax.lax.linalg.triangular_solve(factor, eye, left_side=True, lower=True), y)
    return (white * white).mean(1)


def correlation(x: jax.Array, y: jax.Array) -> jax.Array:
    """Mean of (2 s_xy + C) / (s_x^2 + s_y^2 + C) over windows; two [b, k, h, w] -> [b, k]."""
    line = filters.gaussian_line(15, 1.5)

    def one(pair: tuple[jax.Array, jax.Array]) -> jax.Array:
        x, y = pair
        stacked = jnp.concatenate([x, y, x * x, y * y, x * y])
        local = filters.separable(stacked, line, line, "valid")
        mean_x, mean_y, xx, yy, xy = jnp.split(local, 5)
        covariance = xy - mean_x * mean_y
        variances = xx - mean_x**2 + yy - mean_y**2
        return ((2 * covariance + _STABLE) / (variances + _STABLE)).mean((1, 2))

    return jax.lax.map(one, (x.swapaxes(0, 1), y.swapaxes(0, 1))).T


def spatial(x: jax.Array) -> jax.Array:
    """Cubic of each map, highest power first, and its error; [b, k, h, w] -> [b, 5 k]."""
    away = x - x.mean((2, 3), keepdims=True)
    power = jnp.abs(jnp.fft.rfft2(away)) ** 2
    covariance = jnp.fft.irfft2(power, x.shape[2:])
    far = len(_DISTANCES)
    near = jnp.roll(covariance, (far, far), (2, 3))[..., : 2 * far + 1, : 2 * far + 1]
    away_by = np.abs(np.arange(-far, far + 1))
    ring = np.maximum(away_by[:, None], away_by[None]).reshape(-1, 1) == _DISTANCES
    mean = jnp.asarray(ring / ring.sum(0), x.dtype)
    at = _product(near.reshape(*x.shape[:2], -1), mean)
    rho = distributions.over(at, jnp.broadcast_to(covariance[..., :1, 0], at.shape))
    powers = np.vander(_DISTANCES.astype(np.float64), 4)
    solve = np.linalg.pinv(powers)
    cubic = _product(rho, jnp.asarray(solve.T, x.dtype))
    left = _product(rho, jnp.asarray(np.eye(far) - powers @ solve, x.dtype))
    error = root((left**2).sum(-1, keepdims=True))
    return jnp.concatenate([cubic, error], -1).reshape(x.shape[0], -1)
