"""FSIM and FSIMc: similarity of phase congruency, gradient magnitude and chroma.

Zhang, Zhang, Mou and Zhang, "FSIM: a feature similarity index for image quality assessment", IEEE
TIP 20(8), 2011, equations 3 to 11. Phase congruency is Kovesi's, "Image features from phase
congruency", Videre 1(3), 1999.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.metrics.fr.ssim import factor
from jiqa.ops.colour import yiq
from jiqa.ops.filters import block_mean
from jiqa.ops.gradient import SCHARR, magnitude
from jiqa.ops.phase import frequencies, log_gabor, spread
from jiqa.ops.powers import real_power, root
from jiqa.ops.similarity import pooled, similarity

T1, T2, T3, T4, LAMBDA = 0.85, 160.0, 200.0, 200.0, 0.03

SCALES, ORIENTATIONS = 4, 4
SHORTEST, STEP, SIGMA = 6.0, 2.0, -np.log(0.55)  # pixels, factor, width on a log scale
ANGLE_SIGMA = np.pi / ORIENTATIONS / 1.2
NOISE = 2.0  # deviations above the mean energy of noise
EPSILON = 1e-4
PARTS = 16  # of a map, in which the median counts values


def fsim(image: jax.Array, ref: jax.Array, *, chroma: bool = False) -> jax.Array:
    """FSIM [b] of images [b, h, w, 3] and references: 0 to 1, 1 for equal images; higher is better.

    With `chroma`, FSIMc. Sides are 8 pixels or more.

    Deviations and choices:
      As in the authors' MATLAB code: the constants, 3-digit YIQ, the mean of f x f pixels at every
      f-th pixel (f = `factor` of SSIM) and the noise threshold. Phase congruency has no weight for
      the spread of frequencies there, nor here.
      Opposite hues make S_I S_Q negative; the real part of the power is taken, as in that code.
      Where a filter's response is 0 everywhere, phase congruency is 0 instead of 0 / 0. An image
      without any phase congruency scores 1.
    """
    f = factor(*image.shape[1:3])
    channels = jnp.unstack(yiq(jnp.concatenate([ref, image])), axis=-1)
    y, i, q = (block_mean(channel, f, "zero") for channel in channels)
    maps = (phase_congruency(y), magnitude(y, SCHARR), i, q)
    (pc1, pc2), (g1, g2), (i1, i2), (q1, q2) = (jnp.split(x, 2) for x in maps)
    weight = jnp.maximum(pc1, pc2)
    score = similarity(pc1, pc2, T1) * similarity(g1, g2, T2)
    if chroma:
        score *= real_power(similarity(i1, i2, T3) * similarity(q1, q2, T4), LAMBDA)
    return pooled(score, weight)


def phase_congruency(grey: jax.Array) -> jax.Array:
    """Phase congruency [b, h, w] in 0..1 of grey: energy above noise over summed amplitudes."""

    def in_turn(grey: jax.Array) -> jax.Array:
        return jax.lax.map(lambda x: _phase_congruency(x[None])[0], grey)

    # One image at a time: its maps stay in a CPU's cache.
    return jax.lax.platform_dependent(grey, cpu=in_turn, default=_phase_congruency)


def _phase_congruency(grey: jax.Array) -> jax.Array:
    radial, angular, noise = (jnp.asarray(x, grey.dtype) for x in _filters(*grey.shape[1:]))
    spectrum = jnp.fft.fft2(grey)

    def add(sums: tuple[jax.Array, jax.Array], orientation: tuple[jax.Array, jax.Array]) -> Any:
        energies, amplitudes = sums
        angular, noise = orientation
        responses = [jnp.fft.ifft2(spectrum * (scale * angular)[None]) for scale in radial]
        # Without the barrier XLA splits the complex numbers again for every term below.
        parts = jax.lax.optimization_barrier([(r.real, r.imag) for r in responses])
        mean_even, mean_odd = (functools.reduce(jnp.add, maps) for maps in zip(*parts, strict=True))
        size = root(mean_even**2 + mean_odd**2) + EPSILON
        mean_even, mean_odd = mean_even / size, mean_odd / size
        smallest = parts[0][0] ** 2 + parts[0][1] ** 2
        median = _median(smallest.reshape(len(grey), -1))
        energy = -noise * root(median)[:, None, None]
        for even, odd in parts:
            energy += even * mean_even + odd * mean_odd
            energy -= jnp.abs(even * mean_odd - odd * mean_even)
            amplitudes += root(even**2 + odd**2)
        return (energies + jnp.maximum(energy, 0), amplitudes), None

    # One orientation at a time: all at once need four times the memory, and more time.
    zero = jnp.zeros_like(grey)
    (energies, amplitudes), _ = jax.lax.scan(add, (zero, zero), (angular, noise))
    return jnp.where(amplitudes > 0, energies / jnp.where(amplitudes > 0, amplitudes, 1.0), 0.0)


@functools.lru_cache(maxsize=8)
def _filters(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Radial parts [scale, h, w], angular parts [orientation, h, w], noise factors [orientation].

    The noise threshold is the factor times the root of the median squared amplitude at the smallest
    scale: Rayleigh's mean and `NOISE` deviations of the energy of noise, over 1.7.
    """
    x, y = frequencies(height, width)
    radius = np.hypot(x, y)
    lowpass = 1 / (1 + (radius / 0.45) ** 30)
    wavelengths = SHORTEST * STEP ** np.arange(SCALES)
    radial = lowpass * np.stack([log_gabor(radius, 1 / w, SIGMA) for w in wavelengths])
    angles = np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS
    angular = np.stack([spread(x, y, angle, ANGLE_SIGMA) for angle in angles])
    impulse = np.fft.ifft2(radial.sum(0) * angular).real * np.sqrt(height * width)
    power = 1 / np.log(2) / ((radial[0] * angular) ** 2).sum((1, 2))  # of noise
    tau = np.sqrt(power * (impulse**2).sum((1, 2)))
    noise = tau * (np.sqrt(np.pi / 2) + NOISE * np.sqrt(2 - np.pi / 2)) / 1.7
    return radial, angular, noise


@jax.custom_jvp
def _median(x: jax.Array) -> jax.Array:
    """Median of float32 x >= 0 along the last axis, [b, n] -> [b]."""
    low, high = _middle(x)
    return (low + high) / 2


@_median.defjvp
def _median_jvp(
    primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[jax.Array, jax.Array]:
    """Derivative of the median: that of the middle values, shared by all values equal to one."""
    (x,), (dx,) = primals, tangents
    low, high = _middle(x)

    def slope(middle: jax.Array) -> jax.Array:
        equal = x == middle[:, None]
        return jnp.where(equal, dx, 0.0).sum(1) / equal.sum(1)

    return (low + high) / 2, (slope(low) + slope(high)) / 2


def _middle(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The one or two middle values of each row, two arrays [b], by bisection of the bits: no sort.

    Non-negative floats have the same order as their bits.
    """
    bits = jax.lax.bitcast_convert_type(x, jnp.int32)
    largest = jnp.iinfo(jnp.int32).max
    # Counted in parts, which the compiler vectorises; a sum along one long axis it would not.
    padded = jnp.pad(bits, ((0, 0), (0, -x.shape[1] % PARTS)), constant_values=largest)
    parts = jnp.split(padded, PARTS, axis=1)

    def below(bound: jax.Array) -> jax.Array:
        smaller = ((part < bound).astype(jnp.int32) for part in parts)
        return functools.reduce(jnp.add, smaller).sum(1, keepdims=True)

    def narrow(i: jax.Array, low: jax.Array) -> jax.Array:
        middle = low | (1 << (30 - i))
        return jnp.where(below(middle) <= (x.shape[1] - 1) // 2, middle, low)

    low = jax.lax.fori_loop(0, 31, narrow, jnp.zeros((len(x), 1), jnp.int32))
    greater = (jnp.where(part > low, part, largest) for part in parts)
    above = functools.reduce(jnp.minimum, greater).min(1, keepdims=True)
    high = jnp.where(below(low + 1) > x.shape[1] // 2, low, above)
    low, high = (jax.lax.bitcast_convert_type(y[:, 0], x.dtype) for y in (low, high))
    return low, high
