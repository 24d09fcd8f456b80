"""Small patches of an image, normalised and whitened: the local features of CORNIA and HOSA."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

SIDE = 7


class Whitening(NamedTuple):
    """Zero-phase whitening of patches: (x - mean) @ project.

    Attributes:
        mean: [49].
        project: [49, 49].
    """

    mean: np.ndarray
    project: np.ndarray

    @classmethod
    def fit(cls, patches: np.ndarray) -> "Whitening":
        """Of normalised patches [n, 49]; 0.1 is added to the variances (Coates, Ng, 2011)."""
        values, vectors = np.linalg.eigh(np.cov(patches.T.astype(np.float64)))
        project = (vectors / np.sqrt(values + 0.1)) @ vectors.T
        return cls(patches.mean(0).astype(np.float32), project.astype(np.float32))

    def __call__(self, patches: jax.Array) -> jax.Array:
        """[..., 49] -> [..., 49]."""
        return jnp.matmul(patches - self.mean, self.project, precision=jax.lax.Precision.HIGHEST)


def at(x: jax.Array, rows: np.ndarray, columns: np.ndarray) -> jax.Array:
    """Patches [b, n, 49] of maps [b, h, w] whose upper left corners are given, [n] each."""
    offset = np.arange(SIDE)
    rows = rows[:, None, None] + offset[None, :, None]
    columns = columns[:, None, None] + offset[None, None, :]
    return x[:, rows, columns].reshape(x.shape[0], -1, SIDE * SIDE)


def normalise(patches: jax.Array) -> jax.Array:
    """Patches [..., 49] of grey in 0..255, less their mean, over sqrt(variance + 10)."""
    away = patches - patches.mean(-1, keepdims=True)
    variance = (away**2).sum(-1, keepdims=True) / (patches.shape[-1] - 1)
    return away / jnp.sqrt(variance + 10)


def sample(shape: tuple[int, int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners of at most `count` different patches of an image, the same for every image."""
    height, width = (side - SIDE + 1 for side in shape)
    total = height * width
    order = np.random.default_rng(0).permutation(total)[: min(count, total)]
    rows, columns = np.divmod(order, width)
    return rows, columns


def grid(shape: tuple[int, int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners of patches on a regular grid, about `count` of them."""
    step = max(1, int(np.sqrt(shape[0] * shape[1] / count)))
    rows, columns = (np.arange(0, side - SIDE + 1, step) for side in shape)
    return np.repeat(rows, len(columns)), np.tile(columns, len(rows))
