"""Powers of maps with a finite gradient at 0, vectorised on a CPU.

XLA vectorises exp and log, but computes pow and cbrt one number at a time, 5 to 15 times as slow.
exp and log cost 1e-6 of the value in accuracy, for x between 0.01 and 100.
"""

import jax
import jax.numpy as jnp
import numpy as np


def root(x: jax.Array) -> jax.Array:
    """Square root of x >= 0, with gradient 0 where x is 0."""
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1.0)), 0.0)


def power(x: jax.Array, exponent: jax.Array | float) -> jax.Array:
    """x >= 0 to a power; 0, with gradient 0, where x is 0."""
    positive = x > 0
    return jnp.where(positive, jnp.exp(exponent * jnp.log(jnp.where(positive, x, 1.0))), 0.0)


def real_power(x: jax.Array, exponent: float) -> jax.Array:
    """MATLAB's real(x .^ exponent), for negative x too; the gradient is 0 where x is 0."""
    return power(jnp.abs(x), exponent) * jnp.where(x < 0, float(np.cos(np.pi * exponent)), 1.0)
