"""PIQE: share of an image's active blocks that look distorted; no fitted parameters.

Venkatanath, Praneeth, Bh, Channappayya, Medasani, Blind image quality evaluation using perception
based features, NCC 2015. Eq. 1 to 3: normalised coefficients; eq. 4: active blocks; eq. 5 to 9:
noticeable distortions, noise, and the pooling. 0 to 100, lower is better.

Deviations and choices: as MATLAB's `piqe`: grey is rounded as uint8 images are; the last row and
column are repeated to fill whole blocks of 16x16; the window repeats the border. pyiqa first
stretches the image so that its brightest pixel is 255, and uses another luma. Thresholds decide
whether a block is active, noisy or distorted, so the score jumps. The gradient is that of the
blocks' variances as long as no block crosses a threshold.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.ops import distributions
from jiqa.ops.colour import luma
from jiqa.ops.distributions import over
from jiqa.ops.masks import replicated, shrunk, within
from jiqa.ops.powers import root

BLOCK = 16
_SEGMENT = 6
_ACTIVE = 0.1
_IMPAIRED = 0.1


def piqe(image: jax.Array, *, size: jax.Array | None = None) -> jax.Array:
    """Scores [b] of images [b, h, w, 3] in [0, 1], of any size; see the module.

    `size`: see `jiqa.ops.masks`.
    """
    x = luma(image, rounded=True)
    if size is not None:
        x = replicated(x, size)
    fill = [(0, 0), *((0, -side % BLOCK) for side in x.shape[1:])]
    x, _ = distributions.mscn(jnp.pad(x, fill, mode="edge"))
    b, h, w = x.shape
    blocks = x.reshape(b, h // BLOCK, BLOCK, w // BLOCK, BLOCK).swapaxes(2, 3)
    variance = within(_variance(blocks, (3, 4)), shrunk(size, BLOCK)).reshape(b, -1)
    blocks = blocks.reshape(b, -1, BLOCK, BLOCK)
    active = variance > _ACTIVE
    distorted = jnp.where(_impaired(blocks), 1 - variance, 0) + jnp.where(
        _noisy(blocks, variance), variance, 0
    )
    total = jnp.where(active, distorted, 0).sum(1)
    return (total + 1) / (active.sum(1).astype(x.dtype) + 1) * 100


def _impaired(blocks: jax.Array) -> jax.Array:
    """bool [b, n]: blocks where six neighbours along an edge have a deviation below threshold."""
    edges = jnp.stack(
        [blocks[..., 0, :], blocks[..., -1, :], blocks[..., :, 0], blocks[..., :, -1]], 2
    )
    parts = [edges[..., k : k + _SEGMENT] for k in range(BLOCK - _SEGMENT + 1)]
    deviation = root(_variance(jnp.stack(parts, 3), (4,)))
    return (deviation < _IMPAIRED).any((2, 3))


def _noisy(blocks: jax.Array, variance: jax.Array) -> jax.Array:
    """bool [b, n]: blocks whose deviation exceeds twice its distance from the centre's.

    The centre's columns 8 and 9 are compared with the other columns. MATLAB's code deletes one
    column after the other, and so leaves out 8 and 10.
    """
    centre, rest = blocks[..., 7:9], jnp.delete(blocks, np.array([7, 9]), axis=-1)
    ratio = over(root(_variance(centre, (2, 3))), root(_variance(rest, (2, 3))))
    deviation = root(variance)
    beta = over(jnp.abs(deviation - ratio), jnp.maximum(deviation, ratio))
    return deviation > 2 * beta


def _variance(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """Unbiased variance, as MATLAB's var."""
    return jnp.var(x, axes, ddof=1)
