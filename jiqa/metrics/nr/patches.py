"""Small patches of grey, normalised, whitened and clustered: the local features of CORNIA and HOSA.

Both papers: patches of 7x7, each less its mean and over its deviation; a zero-phase whitening and
the clusters of k-means, learned from patches of other images. A codebook holds `centre` [49] and
`whiten` [49, 49] beside what its method adds.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.errors import InputError
from jiqa.ops.colour import luma

Codebook = Mapping[str, Any]
Corners = tuple[np.ndarray, np.ndarray]

SIDE = 7
# What keeps flat patches and directions small: added to the variance of a patch in 0..255, as in
# both authors' code, and to the variances that are whitened, as in Coates and Ng, AISTATS 2011.
_FLAT, _FAINT = 10.0, 0.1


def random(shape: tuple[int, int], count: int) -> Corners:
    """(rows, columns) of the upper left corners of `count` different patches of an image.

    They are the same for every image of that shape; fewer where it has no more.
    """
    height, width = (side - SIDE + 1 for side in shape)
    order = np.random.default_rng(0).permutation(height * width)[:count]
    rows, columns = np.divmod(order, width)
    return rows, columns


def grid(shape: tuple[int, int], count: int) -> Corners:
    """(rows, columns) of the upper left corners of patches on a regular grid, about `count`."""
    step = max(1, int(np.sqrt(shape[0] * shape[1] / count)))
    rows, columns = (np.arange(0, side - SIDE + 1, step) for side in shape)
    return np.repeat(rows, len(columns)), np.tile(columns, len(rows))


def take(image: jax.Array, corners: Corners) -> jax.Array:
    """Patches [b, n, 49] of images [b, h, w, 3] in [0, 1], normalised.

    Grey in 0..255, rounded as uint8 images are, less a patch's mean, over sqrt(variance + 10).
    """
    offset = np.arange(SIDE)
    rows, columns = corners
    rows = rows[:, None, None] + offset[None, :, None]
    columns = columns[:, None, None] + offset[None, None, :]
    patches = luma(image, rounded=True)[:, rows, columns].reshape(image.shape[0], -1, SIDE**2)
    away = patches - patches.mean(-1, keepdims=True)
    variance = (away**2).sum(-1, keepdims=True) / (SIDE**2 - 1)
    return away / jnp.sqrt(variance + _FLAT)


def whitening(patches: np.ndarray) -> dict[str, np.ndarray]:
    """`centre` and `whiten` of normalised patches [n, 49]."""
    values, vectors = np.linalg.eigh(np.cov(patches.T, dtype=np.float64))
    whiten = (vectors / np.sqrt(values + _FAINT)) @ vectors.T
    return {"centre": patches.mean(0), "whiten": whiten.astype(np.float32)}


def whitened(patches: jax.Array, codebook: Codebook) -> jax.Array:
    """[b, n, 49] -> [b, n, 49], by the codebook."""
    away = patches - jnp.asarray(codebook["centre"])[None, None]
    return jnp.matmul(away, codebook["whiten"], precision=jax.lax.Precision.HIGHEST)


def clusters(patches: np.ndarray, words: int, passes: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres [words, 49] by k-means in mini-batches, always the same; nearest one, [n], of each.

    Args:
        patches: [n, 49], whitened.
        words: how many.
        passes: over the patches, after the first centres are drawn by k-means++.

    Raises:
        InputError: fewer patches than words.
    """
    from sklearn.cluster import MiniBatchKMeans  # the measures need the core alone, which lacks it

    if len(patches) < words:
        raise InputError(f"handcrafted.words: found {words}, expected at most {len(patches)} words")
    how: dict[str, Any] = {"batch_size": max(1024, words), "max_iter": passes, "n_init": 1}
    how["max_no_improvement"] = None  # stop after the passes alone
    found = MiniBatchKMeans(words, random_state=0, **how).fit(patches)
    return np.asarray(found.cluster_centers_), np.asarray(found.labels_)
