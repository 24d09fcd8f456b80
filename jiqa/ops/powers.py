"""Powers of maps: the gradient is finite at 0, and a CPU takes many at a time.

XLA computes exp and log of a vector at once, but pow and cbrt one number after another: 5 to 15
times the time. The detour costs 1e-6 of the value, for x between 0.01 and 100.
"""

import jax
import jax.numpy as jnp
import numpy as np


def root(x: jax.Array) -> jax.Array:
    """Square root of x >= 0, of gradient 0 where x is 0."""
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1.0)), 0.0)


def power(x: jax.Array, exponent: jax.Array | float) -> jax.Array:
    """x >= 0 to a power; 0, of gradient 0, where x is 0."""
    positive = x > 0
    return jnp.where(positive, jnp.exp(exponent * jnp.log(jnp.where(positive, x, 1.0))), 0.0)


def real_power(x: jax.Array, exponent: float) -> jax.Array:
    """MATLAB's real(x .^ exponent), of negative x too; its gradient is 0 where x is 0."""
    return power(jnp.abs(x), exponent) * jnp.where(x < 0, float(np.cos(np.pi * exponent)), 1.0)
