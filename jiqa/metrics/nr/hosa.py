"""HOSA: differences between a word's cluster and the patches near it, in three moments.

Xu, Ye, Li, Du, Liu, Doermann, Blind image quality assessment based on high order statistics
aggregation, IEEE TIP 25(9), 2016. Sec. III: about 10,000 normalised and whitened patches of 7x7 on
a regular grid, a codebook of 100 words with the statistics of their clusters, soft assignment to
the five nearest words, power and length normalisation: 3 * 49 features a word. A linear support
vector regression follows.

Deviations and choices: as in the authors' MATLAB code (decay 0.05, power 0.2), whose codebook was
learned from CSIQ; here the codebook is learned from training images. If only one patch is near a
word, the difference of the mean keeps its value here; the code weights it by the assignment of an
unrelated patch.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.metrics.nr import patches
from jiqa.metrics.nr.patches import Codebook
from jiqa.ops.distributions import over

_NEAR, _DECAY, _POWER = 5, 0.05, 0.2
# Added to the third power of a deviation.
_FAINT = 1e-4
_PASSES = 5


def local(image: jax.Array, count: int) -> jax.Array:
    """Normalised patches, about `count` per image; [b, h, w, 3] -> [b, n, 49]."""
    return patches.take(image, patches.grid((image.shape[1], image.shape[2]), count))


def learn(local: np.ndarray, words: int) -> Codebook:
    """The codebook of normalised patches [n, 49].

    Returns:
        The whitening, and `words`, `variance` and `skewness` [k, 49] of the clusters without the
        empty ones.

    Raises:
        InputError: fewer patches than words.
    """
    book = patches.whitening(local)
    white = np.asarray(patches.whitened(jnp.asarray(local)[None], book)[0])
    _, nearest = patches.clusters(white, words, _PASSES)
    parts = [white[nearest == word].astype(np.float64) for word in np.unique(nearest)]
    mean, variance = (np.stack([reduce(part, 0) for part in parts]) for reduce in (np.mean, np.var))
    third = np.stack([np.mean((part - part.mean(0)) ** 3, 0) for part in parts])
    found = {"words": mean, "variance": variance, "skewness": third / (variance**1.5 + _FAINT)}
    return {**book, **{name: value.astype(np.float32) for name, value in found.items()}}


def features(image: jax.Array, codebook: Codebook, count: int) -> jax.Array:
    """Features of images [b, h, w, 3] -> [b, 147 k]: differences of mean, variance, skewness.

    The order is by moment, then by word. `count` is the one given to `local`.
    """
    white = patches.whitened(local(image, count), codebook)
    words, variance, skewness = (
        jnp.asarray(codebook[name])[None] for name in ("words", "variance", "skewness")
    )
    weights = _assignment(white, words)
    patches_near = (weights > 0).sum(1)[..., None]
    weights = over(weights, weights.sum(1, keepdims=True))

    def moment(power: int) -> jax.Array:
        return jnp.einsum(
            "bnk,bnd->bkd", weights, white**power, precision=jax.lax.Precision.HIGHEST
        )

    first, second, third = moment(1), moment(2), moment(3)
    square = jnp.maximum(second - first**2, 0)
    cube = third - 3 * first * second + 2 * first**3
    spread = (patches_near > 1) & (square.sum(-1, keepdims=True) > 1e-8)
    out = [
        jnp.where(patches_near > 0, first - words, 0.0),
        jnp.where(spread, square - variance, 0.0),
        jnp.where(spread, cube / (square**1.5 + _FAINT) - skewness, 0.0),
    ]
    found = jnp.concatenate([part.reshape(len(part), -1) for part in out], 1)
    found = jnp.sign(found) * jnp.abs(found) ** _POWER
    return over(found, jnp.linalg.norm(found, axis=1, keepdims=True))


def _assignment(white: jax.Array, words: jax.Array) -> jax.Array:
    """Weights [b, n, k] of patches for words [1, k, 49]: sum 1, 0 except for the nearest five."""
    product = jnp.matmul(white, words[0].T, precision=jax.lax.Precision.HIGHEST)
    distance = (white**2).sum(-1, keepdims=True) - 2 * product + (words**2).sum(-1)[:, None]
    near = -jax.lax.top_k(-distance, min(_NEAR, words.shape[1]))[0]
    kernel = jnp.exp(-_DECAY * (distance - near[..., :1]))
    kernel = jnp.where(distance <= near[..., -1:], kernel, 0.0)
    return kernel / kernel.sum(-1, keepdims=True)
