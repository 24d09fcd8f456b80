"""CORNIA: products of patches with a codebook's words, of which each word's greatest is kept.

Ye, Kumar, Kang, Doermann, Unsupervised feature learning framework for no-reference image quality
assessment, CVPR 2012. Sec. 3.1: 10,000 normalised and whitened patches of 7x7 an image; 3.2: a
codebook of 10,000 words by k-means; 3.3: soft assignment and max pooling, two features a word. A
linear support vector regression follows.

Deviations and choices: as in the authors' MATLAB code, whose codebook was learned from CSIQ; here
the codebook is learned from training images. The authors draw patches at random; here they are the
same for every image of a size.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.metrics.nr import patches
from jiqa.metrics.nr.patches import Codebook

# Patches multiplied at a time: all patches times all words would take 400 MB per image.
_FEW = 100
_PASSES = 1


def local(image: jax.Array, count: int) -> jax.Array:
    """Normalised patches, at most `count` per image; [b, h, w, 3] -> [b, n, 49]."""
    return patches.take(image, patches.random((image.shape[1], image.shape[2]), count))


def learn(local: np.ndarray, words: int) -> Codebook:
    """The codebook of patches [n, 49]: the whitening, and `words` [k, 49] of length 1.

    Raises:
        InputError: fewer patches than words.
    """
    book = patches.whitening(local)
    white = np.asarray(patches.whitened(jnp.asarray(local)[None], book)[0])
    centres, _ = patches.clusters(white, words, _PASSES)
    length = np.linalg.norm(centres, axis=1, keepdims=True)
    return {**book, "words": centres / np.maximum(length, 1e-20)}


def features(image: jax.Array, codebook: Codebook, count: int) -> jax.Array:
    """Features of images [b, h, w, 3] -> [b, 2 k]: each word's greatest product, then opposite.

    Products below 0 count as 0. `count` is the one given to `local`.
    """
    white = patches.whitened(local(image, count), codebook)
    words = jnp.asarray(codebook["words"]).T
    # Copies of the last patch change no maximum.
    white = jnp.pad(white, [(0, 0), (0, -white.shape[1] % _FEW), (0, 0)], mode="edge")

    def step(best: jax.Array, part: jax.Array) -> tuple[jax.Array, None]:
        found = jnp.matmul(part, words, precision=jax.lax.Precision.HIGHEST)
        return jnp.maximum(best, jnp.stack([found.max(0), -found.min(0)])), None

    def pooled(white: jax.Array) -> jax.Array:
        start = jnp.zeros((2, words.shape[1]), white.dtype)
        parts = white.reshape(-1, _FEW, white.shape[1])
        return jax.lax.scan(step, start, parts)[0].reshape(-1)

    return jax.lax.map(pooled, white)
