"""Supervised training: every crop of an image has the image's targets."""

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jiqa.errors import InputError
from jiqa.train import update
from jiqa.train.update import Loss, TrainState, to_float

Images = Callable[[Any, dict[str, jax.Array]], jax.Array]

# Ways to pool the predictions of an image's crops.
POOLINGS = ("mean", "weights", "max", "min", "concatenation")
# Name of a target, bool [n]: False for a crop that only fills up the batch.
MASK = "mask"


def make_update(
    model: nn.Module,
    loss: Loss,
    optimiser: optax.GradientTransformation,
    images: Images,
    columns: Sequence[str],
    ema: float = 0.0,
    rates: Mapping[str, float] = types.MappingProxyType({}),
) -> Callable[..., tuple[TrainState, dict[str, jax.Array]]]:
    """The pure function `update(state, batch, arrays) -> (state, metrics)`, to be compiled.

    Args:
        model: linen module, `(image, train) -> (prediction, out)`.
        loss: of prediction [n, ...], out and targets. Targets have one value per crop under each
            name of `columns`, and `mask` bool [n] where crops are tiles.
        optimiser: an optax chain.
        images: `(arrays, batch) -> uint8 [b, blocks, h, w, 3]`, crops from a pipeline source.
        columns: names of the batch's targets [b, ...]; all crops of an image share its targets.
        ema: decay of the parameters' moving average; 0 is off.
        rates: as in `update.make_update`.

    Returns:
        update: metrics are `loss`, `grad_norm` and the loss's parts, float32 [].
    """

    def examples(arrays: Any, batch: dict[str, jax.Array]) -> tuple[jax.Array, Any]:
        image, blocks = _blocks(images(arrays, batch))
        targets = {name: jnp.repeat(batch[name], blocks, axis=0) for name in columns}
        if "block_mask" in batch:
            targets[MASK] = batch["block_mask"].reshape(-1)
        return image, targets

    return update.make_update(model, examples, loss, optimiser, ema, rates)


def make_predict(
    model: nn.Module, images: Images, pooling: str = "mean"
) -> Callable[..., jax.Array]:
    """The pure function `predict(variables, batch, arrays) -> float32 [b, ...]`, to be compiled.

    Args:
        model: as in `make_update`.
        images: as in `make_update`.
        pooling: one of `POOLINGS`, over the crops of an image: `mean`; `weights`, the mean weighted
            by the model's `out["weight"]` float [b * blocks], 0 or more; `max`; `min`; or
            `concatenation`, [b, blocks * d], with 0 for missing crops.

    Raises:
        InputError: an unknown pooling.
    """
    if pooling not in POOLINGS:
        raise InputError(f"pooling: found {pooling!r}, expected one of {', '.join(POOLINGS)}")

    def predict(variables: Any, batch: dict[str, jax.Array], arrays: Any) -> jax.Array:
        image, blocks = _blocks(images(arrays, batch))
        applied: Any = model.apply(variables, image, train=False)
        prediction, out = applied
        prediction = prediction.astype(jnp.float32)
        prediction = prediction.reshape(-1, blocks, *prediction.shape[1:])
        weight = out["weight"].reshape(-1, blocks) if pooling == "weights" else None
        return pool(prediction, pooling, batch.get("block_mask"), weight)

    return predict


def pool(
    prediction: jax.Array,
    pooling: str,
    mask: jax.Array | None = None,
    weight: jax.Array | None = None,
) -> jax.Array:
    """Pools the predictions of crops [b, k, ...] into one per image, [b, ...].

    Args:
        prediction: float32 [b, k, ...].
        pooling: one of `POOLINGS`.
        mask: bool [b, k], True for the crops that exist; all by default.
        weight: float [b, k], of the pooling `weights`.
    """
    if pooling == "mean" and mask is None:
        return prediction.mean(axis=1)
    there = jnp.ones(prediction.shape[:2], bool) if mask is None else mask
    there = there.reshape(*there.shape, *[1] * (prediction.ndim - 2))
    if pooling == "concatenation":
        kept = jnp.where(there, prediction, 0)
        return kept.reshape(kept.shape[0], -1)
    if pooling in ("max", "min"):
        sign = 1 if pooling == "max" else -1
        return sign * jnp.where(there, sign * prediction, -jnp.inf).max(axis=1)
    share = there.astype(jnp.float32)
    if weight is not None:
        share = share * weight.astype(jnp.float32).reshape(there.shape)
    return (share * prediction).sum(axis=1) / share.sum(axis=1)


def _blocks(image: jax.Array) -> tuple[jax.Array, int]:
    """uint8 [b, k, h, w, 3] -> float32 [b * k, h, w, 3] in [0, 1], and k."""
    return to_float(image.reshape(-1, *image.shape[2:])), image.shape[1]
