"""VIF: visual information fidelity, in the wavelet domain and in the pixel domain.

Sheikh and Bovik, "Image information and visual quality", IEEE TIP 15(2), 2006, equation 14.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.ops.colour import BT601, RGB2GRAY, luma
from jiqa.ops.filters import gaussian_line, separable
from jiqa.ops.masks import masked_mean, reflected, shrunk, within

NOISE = 0.4  # variance of neural noise
NOISE_PIXEL = 2.0
BLOCK = 3
LEVELS = 4
TOLERANCE = 1e-15
TOLERANCE_PIXEL = 1e-10


def _symmetric(quarter: list[list[float]]) -> np.ndarray:
    """A symmetric kernel from its upper left quarter, with the centre's row and column."""
    half = np.array(quarter)
    half = np.concatenate([half, half[:, -2::-1]], 1)
    return np.concatenate([half, half[-2::-1]])


# The steerable pyramid of six orientations ("sp5"), designed as in Karasaridis and Simoncelli, "A
# filter design technique for steerable pyramid image transforms", ICASSP 1996: the first low-pass
# filter, the low-pass filter between levels, and the filter of vertical edges, whose transpose is
# the filter of horizontal edges.
LOWPASS_0 = _symmetric(
    [
        [0.00341614, -0.01551246, -0.03848215],
        [-0.01551246, 0.05586982, 0.15925570],
        [-0.03848215, 0.15925570, 0.40304148],
    ]
)
LOWPASS = _symmetric(
    [
        [0.00170808, -0.00489834, -0.00775624, -0.01888864, -0.01924108],
        [-0.00489834, -0.01046562, -0.01322234, 0.00821200, 0.02005976],
        [-0.00775624, -0.01322234, 0.02793492, 0.06554076, 0.07962786],
        [-0.01888864, 0.00821200, 0.06554076, 0.12852666, 0.16339236],
        [-0.01924108, 0.02005976, 0.07962786, 0.16339236, 0.20193080],
    ]
)
EDGES = _symmetric(
    [
        [0.00277643, -0.00986904, -0.01021852, 0.0],
        [0.00496194, -0.00893064, -0.03075356, 0.0],
        [0.01026699, 0.01189859, -0.08226445, 0.0],
        [0.01455399, 0.02755155, -0.11732297, 0.0],
    ]
) * np.array([1, 1, 1, 0, -1, -1, -1])


def vif(
    image: jax.Array, ref: jax.Array, *, bt601: bool = False, size: jax.Array | None = None
) -> jax.Array:
    """VIF [b] of images [b, h, w, 3] and references: 0 or more, 1 for equal images.

    Higher is better. More than 1 for an image of raised contrast. Sides are 65 pixels or more: the
    coarsest level then has blocks away from its border. `size`: see `jiqa.ops.masks`.

    Deviations and choices:
      As in the authors' MATLAB code: the steerable pyramid's horizontal and vertical bands at each
      of 4 levels, `sp5` filters, borders reflected without the edge pixel; 3 x 3 blocks as vectors;
      gain and noise from windows of 17, 9, 5 and 3 coefficients from the finest level on; blocks
      within half a window of the border left out; every eigenvalue counted.
      Grey is MATLAB's rgb2gray of a uint8 image, rounded to whole levels.
      bt601: as in pyiqa, whose grey has the three digits of ITU-R BT.601.
      A ridge of 1e-8 of the mean variance keeps every covariance invertible. Where no band has any
      information (0 / 0 in the authors' code), the score is 1.
    """
    gained, den = 0.0, TOLERANCE
    both = None if size is None else jnp.concatenate([size, size])
    weights = BT601 if bt601 else RGB2GRAY
    grey = within(luma(jnp.concatenate([ref, image]), rounded=True, weights=weights), both)
    for level, (bands, left) in enumerate(oriented(grey, both)):
        upright, lying = (jnp.split(bands[..., i], 2) for i in (0, 1))
        x, y = (jnp.concatenate(pair) for pair in zip(upright, lying, strict=True))
        more, sent = _information(x, y, 2 ** (LEVELS - level) + 1, left)
        gained += more.reshape(2, -1).sum(0)
        den += sent.reshape(2, -1).sum(0)
    return _exact(jnp.asarray(1 + gained / den), image, ref)


def oriented(
    grey: jax.Array, size: jax.Array | None = None
) -> list[tuple[jax.Array, jax.Array | None]]:
    """Bands [b, h, w, 2] (vertical, then horizontal edges) of grey, finest level first; size."""
    low = _convolve(grey[..., None], LOWPASS_0[..., None], size)
    bands = []
    for level in range(LEVELS):
        if level:
            low, size = _convolve(low, LOWPASS[..., None], size, 2), shrunk(size)
        bands.append((_convolve(low, np.stack([EDGES, EDGES.T], -1), size), size))
    return bands


def _convolve(
    x: jax.Array, kernels: np.ndarray, size: jax.Array | None, stride: int = 1
) -> jax.Array:
    """Maps [b, h, w, 1] correlated with kernels [n, n, c] -> [b, h / stride, w / stride, c]."""
    return jax.lax.conv_general_dilated(
        reflected(x, len(kernels) // 2, size),
        jnp.asarray(kernels[:, :, None], x.dtype),
        (stride, stride),
        "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=jax.lax.Precision.HIGHEST,
    )


def _information(
    x: jax.Array, y: jax.Array, window: int, size: jax.Array | None
) -> tuple[jax.Array, jax.Array]:
    """Information of a band: the image's minus the reference's, and the reference's; two [b].

    Bands are [b, h, w]. The first result is exactly 0 for equal bands.
    """
    height, width = (side // BLOCK * BLOCK for side in x.shape[1:])
    x, y = x[:, :height, :width], y[:, :height, :width]
    blocks = None if size is None else size // BLOCK
    size = None if blocks is None else blocks * BLOCK
    gain, noise = _channel(x, y, window, size)
    energy, eigenvalues = _source(x, size)
    margin = -(-(window // 2) // BLOCK)
    gain, noise, energy = (m[:, margin:-margin, margin:-margin] for m in (gain, noise, energy))
    signal = energy[..., None] * eigenvalues[:, None, None]
    received = jnp.log2(1 + gain[..., None] ** 2 * signal / (noise[..., None] + NOISE))
    counted = None if blocks is None else blocks - 2 * margin
    sent = jnp.log2(1 + signal / NOISE)
    return within(received - sent, counted).sum((1, 2, 3)), within(sent, counted).sum((1, 2, 3))


def _channel(
    x: jax.Array, y: jax.Array, window: int, size: jax.Array | None
) -> tuple[jax.Array, jax.Array]:
    """Gain and noise variance [b, h / 3, w / 3] of the distortion, y = gain x + noise."""
    n = window**2
    every = None if size is None else jnp.concatenate([size] * 5)
    stacked = _window_sums(jnp.concatenate([x, y, x * y, x * x, y * y]), window, every)
    sum_x, sum_y, xy, xx, yy = jnp.split(stacked, 5)
    covariance = xy - sum_x * sum_y / n
    xx, yy = jnp.maximum(xx - sum_x**2 / n, 0), jnp.maximum(yy - sum_y**2 / n, 0)
    return _gain(covariance, xx, yy, TOLERANCE, n)


def _gain(
    covariance: jax.Array, xx: jax.Array, yy: jax.Array, tolerance: float, n: int = 1
) -> tuple[jax.Array, jax.Array]:
    """Gain of the regression of y on x, 0 where negative, and the residual over n."""
    gain = covariance / (xx + tolerance)
    noise = (yy - gain * covariance) / n
    noise = jnp.where(xx < tolerance, yy, noise)
    noise = jnp.where(yy < tolerance, 0.0, noise)
    noise = jnp.where(gain < 0, yy, noise)
    gain = jnp.where((xx < tolerance) | (yy < tolerance) | (gain < 0), 0.0, gain)
    return gain, jnp.maximum(noise, tolerance)


def _window_sums(x: jax.Array, window: int, size: jax.Array | None) -> jax.Array:
    """Sums over windows around the centre of every block, [b, h, w] -> [b, h / 3, w / 3]."""
    x = reflected(x, window // 2, size)[:, 1:, 1:]
    for axis in (1, 2):
        sides, stride = ([n if i == axis else 1 for i in range(3)] for n in (window, BLOCK))
        x = jax.lax.reduce_window(x, 0.0, jax.lax.add, sides, stride, "VALID")
    return x


def _source(x: jax.Array, size: jax.Array | None) -> tuple[jax.Array, jax.Array]:
    """The Gaussian scale mixture: its multiplier [b, h / 3, w / 3], eigenvalues [b, 9]."""
    height, width = x.shape[1:]
    places = [(i, j) for i in range(BLOCK) for j in range(BLOCK)]
    rows, columns = height - BLOCK + 1, width - BLOCK + 1
    every = jnp.stack([x[:, i : i + rows, j : j + columns] for i, j in places], 1)
    every = every.reshape(len(x) * BLOCK**2, rows, columns)
    slid = None if size is None else jnp.repeat(size - BLOCK + 1, BLOCK**2, 0)
    every = within(every - masked_mean(every, slid)[:, None, None], slid)
    every = every.reshape(len(x), BLOCK**2, -1)
    n = rows * columns if size is None else (size - BLOCK + 1).prod(1)[:, None, None]
    covariance = _product(every, every.swapaxes(1, 2)) / n
    eigenvalues = jnp.maximum(jnp.linalg.eigvalsh(covariance), 0)
    mean = jnp.trace(covariance, axis1=1, axis2=2)[:, None, None] / BLOCK**2
    ridge = (1e-8 * mean + TOLERANCE) * jnp.eye(BLOCK**2)[None]
    vectors = jnp.stack([x[:, i::BLOCK, j::BLOCK] for i, j in places], 1)
    blocks = vectors.reshape(len(x), BLOCK**2, -1)
    whitened = _product(jnp.linalg.inv(covariance + ridge), blocks)
    energy = (whitened * blocks).mean(1)
    return energy.reshape(len(x), *vectors.shape[2:]), eigenvalues


def _exact(score: jax.Array, image: jax.Array, ref: jax.Array) -> jax.Array:
    """Scores [b], set to exactly 1 where both images are equal; the gradient is unchanged.

    Compares pixels: a compiler may compute equal images' grey differently.
    """
    equal = (image == ref).all((1, 2, 3))
    return score + jax.lax.stop_gradient(jnp.where(equal, 1 - score, 0.0))


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def vifp(
    image: jax.Array, ref: jax.Array, *, rounded: bool = True, size: jax.Array | None = None
) -> jax.Array:
    """Pixel-domain VIF [b] of images [b, h, w, 3] and references: 0 or more, 1 for equal ones.

    The authors' multi-scale version. Higher is better. Sides are 41 pixels or more. `size`: see
    `jiqa.ops.masks`.

    Deviations and choices:
      As in the authors' MATLAB code: 4 scales, Gaussians of 17, 9, 5 and 3 taps with a fifth of the
      taps as deviation, without borders, noise of variance 2.
      Grey is MATLAB's rgb2gray of a uint8 image, rounded to whole levels. The reference's mean is
      subtracted from both images first, which changes no variance and keeps float32 exact. Where
      the reference has no information (0 / 0 in the authors' code), the score is 1.
      rounded: False as in piq, which does not round.
    """
    grey, other = (within(luma(x, rounded=rounded), size) for x in (ref, image))
    mean = masked_mean(grey, size)[:, None, None]
    x, y = grey - mean, other - mean
    gained, den = 0.0, TOLERANCE_PIXEL
    for scale in range(LEVELS):
        taps = 2 ** (LEVELS - scale) + 1
        line = gaussian_line(taps, taps / 5)
        if scale:
            both = separable(jnp.concatenate([x, y]), line, line, "valid")
            x, y = jnp.split(both[:, ::2, ::2], 2)
            size = None if size is None else shrunk(size - taps + 1)
        stacked = jnp.concatenate([x, y, x * y, x * x, y * y])
        mu_x, mu_y, xy, xx, yy = jnp.split(separable(stacked, line, line, "valid"), 5)
        xx, yy = jnp.maximum(xx - mu_x**2, 0), jnp.maximum(yy - mu_y**2, 0)
        gain, noise = _gain(xy - mu_x * mu_y, xx, yy, TOLERANCE_PIXEL)
        xx = jnp.where(xx < TOLERANCE_PIXEL, 0.0, xx)
        left = None if size is None else size - taps + 1
        received = jnp.log10(1 + gain**2 * xx / (noise + NOISE_PIXEL))
        sent = jnp.log10(1 + xx / NOISE_PIXEL)
        gained += within(received - sent, left).sum((1, 2))
        den += within(sent, left).sum((1, 2))
    return _exact(jnp.asarray(1 + gained / den), image, ref)
