"""The similarity of two maps that SSIM's descendants share, and a power of it."""

import jax
import jax.numpy as jnp
import numpy as np


def similarity(a: jax.Array, b: jax.Array, constant: float) -> jax.Array:
    """(2 a b + c) / (a^2 + b^2 + c): 1 where both are equal."""
    return (2 * a * b + constant) / (a**2 + b**2 + constant)


def real_power(x: jax.Array, exponent: float) -> jax.Array:
    """MATLAB's real(x .^ exponent), of negative x too; its gradient is 0 where x is 0."""
    size = jnp.abs(x)
    power = jnp.where(size > 0, jnp.where(size > 0, size, 1.0) ** exponent, 0.0)
    return power * jnp.where(x < 0, float(np.cos(np.pi * exponent)), 1.0)
