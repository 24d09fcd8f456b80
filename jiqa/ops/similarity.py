"""The similarity of two maps that SSIM's descendants share."""

import jax


def similarity(a: jax.Array, b: jax.Array, constant: float) -> jax.Array:
    """(2 a b + c) / (a^2 + b^2 + c): 1 where both are equal."""
    return (2 * a * b + constant) / (a**2 + b**2 + constant)
