"""Similarity of two maps as in SSIM's descendants, and its weighted mean."""

import jax
import jax.numpy as jnp


def similarity(a: jax.Array, b: jax.Array, constant: float) -> jax.Array:
    """(2 a b + c) / (a^2 + b^2 + c), as 1 minus a distance: exactly 1 where both are equal."""
    return 1 - (a - b) ** 2 / (a**2 + b**2 + constant)


def pooled(score: jax.Array, weight: jax.Array) -> jax.Array:
    """Weighted mean of scores up to 1 over maps [b, h, w] -> [b]; 1 where no weight is above 0.

    Scores that are all 1 give exactly 1, whatever the weights.
    """
    total = weight.sum((1, 2))
    lost = ((1 - score) * weight).sum((1, 2))
    return 1 - lost / jnp.where(total > 0, total, 1.0)
