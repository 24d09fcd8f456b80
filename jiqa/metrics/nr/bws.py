"""BWS: entropies of Weibull models of the DCT of small blocks at three scales, 24 features.

Yang, Li, Zhang, He, Blind image quality assessment of natural scenes based on entropy differences
in the DCT domain, Entropy 20(11), 2018. From its abstract: a Weibull model fits the distribution of
DCT coefficients, distorted images change its entropy, and four features related to differences of
entropy and to vision, at three scales, go to a support vector regression.

Deviations and choices: written from the abstract alone. Everything that the abstract leaves open is
chosen here, so the paper's figures may differ. Grey is rounded as uint8 images are; the next scale
is MATLAB's imresize by 0.5. The four features are computed on each block of 5x5 every three pixels,
from the magnitudes of its coefficients without the first: the entropy; the coefficient of
variation; half the sum of the differences in entropy between low and middle and between middle and
high frequencies (i + j of 1 and 2, 3 and 4, 5 to 8); the deviation of the entropies of three
orientations. Blocks, orientations and pooling are BLIINDS-II's: each feature gives its mean over
all blocks and over a tenth of them, the lowest entropies and the highest of the others. A model is
fitted by moments: its shape k is the entry of 0.2, 0.201, ..., 10 whose mean^2 / mean square is
nearest; its mean is the mean found plus 0.1, so that a flat block has an entropy. The entropy is
log(mean) + 1 + g (1 - 1/k) - log k - log G(1 + 1/k), where g is Euler's constant.
"""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from jiqa.metrics.nr.bliinds_ii import ORIENTATIONS, block_dct
from jiqa.ops import distributions
from jiqa.ops.colour import luma

SCALES = 3
_FLAT = 0.1
_FREQUENCY = np.add.outer(np.arange(5), np.arange(5))
_EVERY = _FREQUENCY > 0
_BANDS = tuple((low <= _FREQUENCY) & (high >= _FREQUENCY) for low, high in ((1, 2), (3, 4), (5, 8)))

_SHAPES = np.arange(200, 10001) / 1000
_LOG_MEANS = special.gammaln(1 + 1 / _SHAPES)  # at scale 1
_RATIOS = np.exp(2 * _LOG_MEANS - special.gammaln(1 + 2 / _SHAPES))
_BORDERS = (_RATIOS[1:] + _RATIOS[:-1]) / 2
_ENTROPIES = 1 + np.euler_gamma * (1 - 1 / _SHAPES) - np.log(_SHAPES) - _LOG_MEANS  # at mean 1


def features(image: jax.Array) -> jax.Array:
    """Features of images, [b, h, w, 3] -> [b, 24].

    Order at each scale: entropy, variation, frequencies, orientations; of each first the mean over
    all blocks, then the mean over a tenth.
    """
    x, out = luma(image, rounded=True), []
    for _ in range(SCALES):
        size = jnp.abs(block_dct(x))
        whole = entropy(size, _EVERY)
        out += [whole.mean(1), -_highest(-whole)]
        for found in (_variation(size), _frequencies(size), _orientations(size)):
            out += [found.mean(1), _highest(found)]
        x = distributions.halve(x)
    return jnp.stack(out, 1)


def entropy(size: jax.Array, part: np.ndarray) -> jax.Array:
    """Entropy [b, n] of the Weibull model of magnitudes [b, n, 25], those in `part` [5, 5]."""
    size = size[..., np.flatnonzero(part)]
    mean = size.mean(-1)
    ratio = distributions.over(mean**2, (size * size).mean(-1))
    place = jnp.searchsorted(jnp.asarray(_BORDERS, size.dtype), ratio)
    return jnp.log(mean + _FLAT) + jnp.asarray(_ENTROPIES, size.dtype)[place]


def _variation(size: jax.Array) -> jax.Array:
    size = size[..., np.flatnonzero(_EVERY)]
    return distributions.over(size.std(-1), size.mean(-1))


def _frequencies(size: jax.Array) -> jax.Array:
    low, middle, high = (entropy(size, band) for band in _BANDS)
    return (jnp.abs(low - middle) + jnp.abs(middle - high)) / 2


def _orientations(size: jax.Array) -> jax.Array:
    return jnp.stack([entropy(size, part) for part in ORIENTATIONS], -1).std(-1)


def _highest(x: jax.Array) -> jax.Array:
    """Mean of the highest tenth, rounded up; [b, n] -> [b]."""
    return jax.lax.top_k(x, -(-x.shape[1] // 10))[0].mean(1)
