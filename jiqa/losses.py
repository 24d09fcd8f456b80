"""Training losses: `loss(prediction, target) -> float32 []`, both of shape [n]."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jiqa.errors import InputError


def mae(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Mean absolute error (IQA-NRTL, equation 11).

    Args:
        prediction: float [n], predicted quality.
        target: float [n], true quality, on the same scale.

    Returns:
        float32 [], at least 0.
    """
    return jnp.mean(jnp.abs(prediction - target))


def mse(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Mean squared error (the Euclidean loss of TTL-IQA, the loss of ConvNeXt regression).

    Args:
        prediction: float [n], predicted quality.
        target: float [n], true quality, on the same scale.

    Returns:
        float32 [], at least 0.
    """
    return jnp.mean(jnp.square(prediction - target))


LOSSES: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {"mae": mae, "mse": mse}


def get(name: str) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """The loss of that name; InputError where there is none."""
    if name not in LOSSES:
        raise InputError(f"loss: found {name!r}, expected one of {', '.join(LOSSES)}")
    return LOSSES[name]
