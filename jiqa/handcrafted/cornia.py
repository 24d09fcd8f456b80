"""CORNIA: patches encoded by their products with a codebook, the greatest of each kept.

Ye, Kumar, Kang, Doermann, Unsupervised feature learning framework for no-reference image quality
assessment, CVPR 2012. Sec. 3.1: 10000 normalised and whitened patches of 7x7; 3.2: a codebook by
k-means; 3.3: soft assignment, max pooling, 2 k features for k codewords. A linear regression
follows.

Deviations and choices: as the authors' MATLAB code, whose codebook is of CSIQ: ours is learned
from the training images. The patches, random there, are the same for every image of a size.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.cluster import MiniBatchKMeans

from jiqa.handcrafted import patches
from jiqa.handcrafted.patches import Whitening
from jiqa.ops.colour import luma

PATCHES = 10_000
WORDS = 10_000
_CHUNK = 1000


class Codebook(NamedTuple):
    """Of CORNIA.

    Attributes:
        whitening: of the patches.
        words: [k, 49], of length 1.
    """

    whitening: Whitening
    words: np.ndarray


def features(image: jax.Array, codebook: Codebook) -> jax.Array:
    """[b, h, w, 3] -> [b, 2 k]: greatest products, then greatest of the opposites; from 0."""
    x = luma(image, rounded=True)
    local = patches.at(x, *patches.sample(x.shape[1:], PATCHES))
    words = jnp.asarray(codebook.words).T

    def encode(part: jax.Array) -> jax.Array:
        part = codebook.whitening(patches.normalise(part))
        return jnp.matmul(part, words, precision=jax.lax.Precision.HIGHEST)

    # A chunk at a time: all products of 10000 patches and words would take 400 MB an image.
    count = local.shape[1]
    local = jnp.pad(local, [(0, 0), (0, -count % _CHUNK), (0, 0)], mode="edge")
    parts = local.reshape(len(local), -1, min(_CHUNK, local.shape[1]), local.shape[2])

    def step(best: jax.Array, part: jax.Array) -> tuple[jax.Array, None]:
        found = encode(part)
        return jnp.maximum(best, jnp.concatenate([found.max(1), -found.min(1)], 1)), None

    start = jnp.zeros((len(local), 2 * len(codebook.words)), x.dtype)
    return jax.lax.scan(step, start, parts.swapaxes(0, 1))[0]


def learn(local: np.ndarray, words: int = WORDS, seed: int = 0) -> Codebook:
    """The codebook of normalised patches [n, 49]."""
    whitening = Whitening.fit(local)
    white = np.asarray(whitening(jnp.asarray(local)))
    means = MiniBatchKMeans(words, random_state=seed, n_init=1, batch_size=10 * words).fit(white)
    centres = means.cluster_centers_
    centres /= np.linalg.norm(centres, axis=1, keepdims=True) + 1e-20
    return Codebook(whitening, centres.astype(np.float32))
