"""CORNIA: patches encoded by their products with a codebook, the greatest of each kept.

Ye, Kumar, Kang, Doermann, Unsupervised feature learning framework for no-reference image quality
assessment, CVPR 2012. Sec. 3.1: 10,000 normalised and whitened patches of 7x7 an image; 3.2: a
codebook of 10,000 words by k-means; 3.3: soft assignment and max pooling, two features a word. A
linear support vector regression follows.

Deviations and choices: as the authors' MATLAB code, whose codebook is of CSIQ: ours is learned from
training images. The patches, random there, are the same for every image of a size.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.metrics.nr import patches
from jiqa.metrics.nr.patches import Codebook

# Patches at a time: the products of all with all words would take 400 MB an image.
_FEW = 100
_PASSES = 1


def local(image: jax.Array, count: int) -> jax.Array:
    """[b, h, w, 3] -> [b, n, 49]: normalised patches, at most `count`."""
    return patches.take(image, patches.random((image.shape[1], image.shape[2]), count))


def learn(local: np.ndarray, words: int) -> Codebook:
    """The codebook of normalised patches [n, 49]: the whitening, and `words` [k, 49] of length 1.

    Raises:
        InputError: fewer patches than words.
    """
    book = patches.whitening(local)
    white = np.asarray(patches.whitened(jnp.asarray(local)[None], book)[0])
    centres, _ = patches.clusters(white, words, _PASSES)
    length = np.linalg.norm(centres, axis=1, keepdims=True)
    return {**book, "words": centres / np.maximum(length, 1e-20)}


def features(image: jax.Array, codebook: Codebook, count: int) -> jax.Array:
    """[b, h, w, 3] -> [b, 2 k]: each word's greatest product, then its greatest opposite, from 0.

    `count` is that of `local`.
    """
    white = patches.whitened(local(image, count), codebook)
    words = jnp.asarray(codebook["words"]).T
    # An edge's copies change no maximum.
    white = jnp.pad(white, [(0, 0), (0, -white.shape[1] % _FEW), (0, 0)], mode="edge")

    def step(best: jax.Array, part: jax.Array) -> tuple[jax.Array, None]:
        found = jnp.matmul(part, words, precision=jax.lax.Precision.HIGHEST)
        return jnp.maximum(best, jnp.stack([found.max(0), -found.min(0)])), None

    def pooled(white: jax.Array) -> jax.Array:
        start = jnp.zeros((2, words.shape[1]), white.dtype)
        parts = white.reshape(-1, _FEW, white.shape[1])
        return jax.lax.scan(step, start, parts)[0].reshape(-1)

    return jax.lax.map(pooled, white)
