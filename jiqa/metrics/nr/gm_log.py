"""GM-LOG: joint statistics of gradient magnitude and Laplacian of Gaussian, 40 features.

Xue, Mou, Zhang, Bovik, Feng, Blind image quality assessment using joint statistics of gradient
magnitude and Laplacian features, IEEE TIP 23(11), 2014. Eq. 1 to 3: both maps; eq. 7 to 9: their
joint normalisation; eq. 11 to 13: marginals P; eq. 16, 17: dependencies Q.

Deviations and choices: as in the authors' MATLAB code: the gradient is divided by 2.5; kernels have
absolute sum 1; zeros lie beyond the border; two rows and columns are left out on each side; levels
are ten steps of 0.2, the last one open; grey is rounded as uint8 images are. Counts have no
gradient.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.ops import filters
from jiqa.ops.colour import luma
from jiqa.ops.powers import root

_SIGMA = 0.5
_LEVELS, _STEP = 10, 0.2


def features(image: jax.Array) -> jax.Array:
    """Features [b, 40] of images [b, h, w, 3]: P of gradient and Laplacian, then Q of both."""
    x = luma(image, rounded=True)
    joint = _joint(*normalised(x))
    gradient, laplacian = joint.sum(2), joint.sum(1)
    given_laplacian = (joint / (laplacian[:, None] + 1e-4)).sum(2)
    given_gradient = (joint / (gradient[:, :, None] + 1e-4)).sum(1)
    conditional = [q / q.sum(1, keepdims=True) for q in (given_laplacian, given_gradient)]
    return jnp.concatenate([gradient, laplacian, *conditional], 1)


def normalised(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gradient and Laplacian [b, h - 4, w - 4] of grey [b, h, w] in 0..255, jointly normalised."""
    across, down = (filters.filter2(x, kernel) for kernel in _derivatives())
    maps = [root(across**2 + down**2) / 2.5, jnp.abs(filters.filter2(x, _laplacian()))]
    line = filters.gaussian_line(7, 2 * _SIGMA)
    energy = (maps[0] ** 2 + maps[1] ** 2) / 2
    local = root(filters.separable(energy, line, line)) + 0.2
    gradient, laplacian = ((m / local)[:, 2:-2, 2:-2] for m in maps)
    return gradient, laplacian


def _derivatives() -> tuple[np.ndarray, np.ndarray]:
    window = filters.gaussian(2 * math.ceil(3 * _SIGMA) + 3, _SIGMA)
    inner = window[1:-1, 1:-1]
    kernels = (inner - window[1:-1, 2:], inner - window[2:, 1:-1])
    across, down = (kernel / np.abs(kernel).sum() for kernel in kernels)
    return across, down


def _laplacian() -> np.ndarray:
    """MATLAB's fspecial('log', 5, 0.5), scaled to absolute sum 1."""
    place = np.arange(-2, 3)
    square = place[:, None] ** 2 + place[None] ** 2
    kernel = filters.gaussian(5, _SIGMA) * (square - 2 * _SIGMA**2) / _SIGMA**4
    kernel -= kernel.mean()
    return kernel / np.abs(kernel).sum()


def _joint(gradient: jax.Array, laplacian: jax.Array) -> jax.Array:
    """Share of pixels at each pair of levels, [b, 10, 10]."""
    levels = [
        jax.nn.one_hot(_level(x).reshape(x.shape[0], -1), _LEVELS, dtype=x.dtype)
        for x in (gradient, laplacian)
    ]
    counts = jnp.einsum("bni,bnj->bij", *levels, precision=jax.lax.Precision.HIGHEST)
    return counts / levels[0].shape[1]


def _level(x: jax.Array) -> jax.Array:
    return jnp.clip(jnp.ceil(x / _STEP).astype(jnp.int32), 1, _LEVELS) - 1
