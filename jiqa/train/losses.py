"""Training losses: `loss(prediction, target) -> float32 []`, a mean over n images."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jiqa.errors import InputError
from jiqa.train.update import Loss


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


def of_quality(name: str) -> Loss:
    """Loss of predicted and true `quality` by name, as `jiqa.train.update.Loss`.

    Where targets have a `mask`, crops outside the mask do not count.

    Raises:
        InputError: no loss has this name.
    """
    whole = get(name)

    def loss(
        prediction: jax.Array, _: Any, targets: Mapping[str, jax.Array]
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        prediction, quality = prediction.astype(jnp.float32), targets["quality"]
        if "mask" not in targets:
            return whole(prediction, quality), {}
        each = jax.vmap(whole)(prediction[:, None], quality[:, None])
        mask = targets["mask"].astype(jnp.float32)
        return (mask * each).sum() / mask.sum(), {}

    return loss


# Losses of predicted and true quality, both [n], by name.
LOSSES: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {"mae": mae, "mse": mse}


def get(name: str) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """The loss of this name; raises InputError where there is none."""
    if name not in LOSSES:
        raise InputError(f"loss: found {name!r}, expected one of {', '.join(LOSSES)}")
    return LOSSES[name]
