"""Small grey patches, normalised, whitened and clustered: the local features of CORNIA and HOSA.

Both papers cut patches of 7x7, subtract each patch's mean and divide by its deviation. A zero-phase
whitening and the clusters of k-means are learned from patches of other images. A codebook holds
`centre` [49] and `whiten` [49, 49], and the arrays that its method adds.
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
# Constants that keep flat patches and directions small. The first is added to the variance of a
# patch in 0..255, as in both authors' code; the second to the variances that whitening divides by,
# as in Coates and Ng, AISTATS 2011.
_FLAT, _FAINT = 10.0, 0.1


def random(shape: tuple[int, int], count: int) -> Corners:
    """Upper left corners (rows, columns) of `count` different patches of an image.

    The corners are the same for every image of that shape; a small image has fewer.
    """
    height, width = (side - SIDE + 1 for side in shape)
    order = np.random.default_rng(0).permutation(height * width)[:count]
    rows, columns = np.divmod(order, width)
    return rows, columns


def grid(shape: tuple[int, int], count: int) -> Corners:
    """Upper left corners (rows, columns) of about `count` patches on a regular grid."""
    step = max(1, int(np.sqrt(shape[0] * shape[1] / count)))
    rows, columns = (np.arange(0, side - SIDE + 1, step) for side in shape)
    return np.repeat(rows, len(columns)), np.tile(columns, len(rows))


def take(image: jax.Array, corners: Corners) -> jax.Array:
    """Normalised patches [b, n, 49] of images [b, h, w, 3] in [0, 1].

    Grey is in 0..255, rounded as uint8 images are. A patch becomes
    (patch - mean) / sqrt(variance + 10).
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
    """The whitening (`centre`, `whiten`) learned from normalised patches [n, 49]."""
    values, vectors = np.linalg.eigh(np.cov(patches.T, dtype=np.float64))
    whiten = (vectors / np.sqrt(values + _FAINT)) @ vectors.T
    return {"centre": patches.mean(0), "whiten": whiten.astype(np.float32)}


def whitened(patches: jax.Array, codebook: Codebook) -> jax.Array:
    """Patches whitened by the codebook, [b, n, 49] -> [b, n, 49]."""
    away = patches - jnp.asarray(codebook["centre"])[None, None]
    return jnp.matmul(away, codebook["whiten"], precision=jax.lax.Precision.HIGHEST)


def clusters(patches: np.ndarray, words: int, passes: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres [words, 49] of k-means in mini-batches, and each patch's nearest centre [n].

    Deterministic.

    Args:
        patches: [n, 49], whitened.
        words: number of centres.
        passes: passes over the patches, after k-means++ has drawn the first centres.

    Raises:
        InputError: fewer patches than words.
    """
    from sklearn.cluster import MiniBatchKMeans  # not in the core, which metrics need

    if len(patches) < words:
        raise InputError(f"features.words: found {words}, expected at most {len(patches)} words")
    options: dict[str, Any] = {"batch_size": max(1024, words), "max_iter": passes, "n_init": 1}
    options["max_no_improvement"] = None  # make all passes
    found = MiniBatchKMeans(words, random_state=0, **options).fit(patches)
    return np.asarray(found.cluster_centers_), np.asarray(found.labels_)
