"""Training losses: `loss(prediction, target) -> float32 []`, of n images."""

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


def cross_entropy(logits: jax.Array, level: jax.Array) -> jax.Array:
    """Softmax cross entropy, natural logarithm (the loss of TTL-IQA's quality levels).

    Args:
        logits: float [n, k], one for each level.
        level: int [n], the true one, 0 to k - 1.

    Returns:
        float32 [], at least 0.
    """
    true = jnp.take_along_axis(logits, level[:, None], axis=1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=1) - true)


# Those of a prediction and a quality, both [n].
LOSSES: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {"mae": mae, "mse": mse}


def get(name: str) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """The loss of that name; InputError where there is none."""
    if name not in LOSSES:
        raise InputError(f"loss: found {name!r}, expected one of {', '.join(LOSSES)}")
    return LOSSES[name]
