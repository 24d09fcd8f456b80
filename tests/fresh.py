"""Initial variables drawn by NumPy, since a network's own initialisation compiles slowly."""

import jax
import numpy as np


def variables(model, image):
    """Variables of a model: kernels by He's rule, biases with a standard deviation of 0.1."""
    rng = np.random.default_rng(1)

    def draw(leaf):
        scale = np.sqrt(2 / np.prod(leaf.shape[:-1])) if leaf.ndim > 1 else 0.1
        return rng.normal(scale=scale, size=leaf.shape).astype(np.float32)

    return jax.tree.map(draw, jax.eval_shape(model.init, jax.random.key(0), image))
