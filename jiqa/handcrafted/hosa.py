"""HOSA: how far the patches near a codeword are from its cluster, in mean, variance and skewness.

Xu, Ye, Li, Du, Liu, Doermann, Blind image quality assessment based on high order statistics
aggregation, IEEE TIP 25(9), 2016. Sec. III: normalised and whitened patches of 7x7, a codebook of
100 words with the statistics of their clusters, soft assignment to five words, power and length
normalisation: 3 * 49 * 100 features. A linear regression follows.

Deviations and choices: as the authors' MATLAB code, whose codebook is of CSIQ: ours is learned
from the training images. A word that one patch alone is near has its difference of mean, which the
code weights by an unrelated patch's assignment, unweighted.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.cluster import KMeans

from jiqa.handcrafted import patches
from jiqa.handcrafted.patches import Whitening
from jiqa.ops.colour import luma
from jiqa.ops.distributions import over

PATCHES = 10_000
WORDS = 100
_NEAR = 5
_DECAY = 0.05
_POWER = 0.2


class Codebook(NamedTuple):
    """Of HOSA.

    Attributes:
        whitening: of the patches.
        mean: [k, 49], the codewords.
        variance: [k, 49], of the patches of each cluster.
        skewness: [k, 49].
    """

    whitening: Whitening
    mean: np.ndarray
    variance: np.ndarray
    skewness: np.ndarray


def features(image: jax.Array, codebook: Codebook) -> jax.Array:
    """[b, h, w, 3] -> [b, 147 k]: differences of mean, of variance, of skewness; word by word."""
    x = luma(image, rounded=True)
    local = patches.at(x, *patches.grid(x.shape[1:], PATCHES))
    local = codebook.whitening(patches.normalise(local))
    weights = _assignment(local, jnp.asarray(codebook.mean))
    count = (weights > 0).sum(1)[..., None]
    weights = over(weights, weights.sum(1, keepdims=True))

    def moment(power: int) -> jax.Array:
        return jnp.einsum(
            "bnk,bnd->bkd", weights, local**power, precision=jax.lax.Precision.HIGHEST
        )

    first, second, third = moment(1), moment(2), moment(3)
    variance = jnp.maximum(second - first**2, 0)
    central = third - 3 * first * second + 2 * first**3
    skewness = central / (variance**1.5 + 1e-4)
    spread = (count > 1) & (variance.sum(-1, keepdims=True) > 1e-8)
    out = [
        jnp.where(count > 0, first - codebook.mean, 0.0),
        jnp.where(spread, variance - codebook.variance, 0.0),
        jnp.where(spread, skewness - codebook.skewness, 0.0),
    ]
    found = jnp.concatenate([part.reshape(len(part), -1) for part in out], 1)
    found = jnp.sign(found) * jnp.abs(found) ** _POWER
    return found / (jnp.linalg.norm(found, axis=1, keepdims=True) + 1e-20)


def _assignment(local: jax.Array, words: jax.Array) -> jax.Array:
    """Weights [b, n, k] of patches [b, n, 49] to words [k, 49], those of the five nearest not 0."""
    product = jnp.einsum("bnd,kd->bnk", local, words, precision=jax.lax.Precision.HIGHEST)
    distance = (local**2).sum(-1, keepdims=True) - 2 * product + (words**2).sum(-1)[None, None]
    nearest, place = jax.lax.top_k(-distance, _NEAR)
    kernel = jax.nn.softmax(_DECAY * nearest, -1)
    one = jax.nn.one_hot(place, len(words), dtype=local.dtype)
    return (one * kernel[..., None]).sum(2)


def learn(local: np.ndarray, words: int = WORDS, seed: int = 0) -> Codebook:
    """The codebook of normalised patches [n, 49]."""
    whitening = Whitening.fit(local)
    white = np.asarray(whitening(jnp.asarray(local)))
    clusters = KMeans(words, random_state=seed, n_init=1).fit_predict(white)
    parts = [white[clusters == k].astype(np.float64) for k in range(words)]
    mean, variance = (
        np.stack([getattr(part, name)(0) for part in parts]) for name in ("mean", "var")
    )
    third = np.stack([((part - part.mean(0)) ** 3).mean(0) for part in parts])
    skewness = third / (variance**1.5 + 1e-4)
    return Codebook(whitening, *(np.asarray(x, np.float32) for x in (mean, variance, skewness)))
