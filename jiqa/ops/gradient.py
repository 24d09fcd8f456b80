"""Gradient magnitudes of maps."""

import jax
import numpy as np

from jiqa.ops.filters import separable
from jiqa.ops.powers import root

# Smoothing across the difference [1, 0, -1], of sum 1.
PREWITT = np.full(3, 1 / 3)
SCHARR = np.array([3.0, 10.0, 3.0]) / 16


def magnitude(x: jax.Array, smooth: np.ndarray) -> jax.Array:
    """Gradient magnitude of maps [b, h, w]; zeros beyond the border, as in MATLAB's conv2."""
    difference = np.array([1.0, 0.0, -1.0])
    gx = separable(x, difference, smooth, "zero")
    gy = separable(x, smooth, difference, "zero")
    return root(gx**2 + gy**2)
