"""Supervised training: blocks of an image in, a prediction out, every block with its target."""

import types
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jiqa.train import update
from jiqa.train.update import TrainState, to_float

Images = Callable[[Any, dict[str, jax.Array]], jax.Array]


def make_update(
    model: nn.Module,
    loss: Callable[[jax.Array, jax.Array], jax.Array],
    optimiser: optax.GradientTransformation,
    images: Images,
    ema: float = 0.0,
    target: str = "quality",
    rates: Mapping[str, float] = types.MappingProxyType({}),
) -> Callable[..., tuple[TrainState, dict[str, jax.Array]]]:
    """The pure function `update(state, batch, arrays) -> (state, metrics)`, to be compiled.

    Args:
        model: linen module, `(image, train) -> (prediction, out)`.
        loss: of prediction [n, ...] and target [n].
        optimiser: an optax chain.
        images: `(arrays, batch) -> uint8 [b, blocks, h, w, 3]`, a pipeline source's.
        ema: decay of the parameters' moving average; 0 is off.
        target: what a batch calls the targets [b] of its images, which all their blocks share.
        rates: as in `update.make_update`.

    Returns:
        update: batch holds them besides what `images` reads; metrics are
        `loss` and `grad_norm`, float32 [].
    """

    def examples(arrays: Any, batch: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        image, blocks = _blocks(images(arrays, batch))
        return image, jnp.repeat(batch[target], blocks)

    def objective(prediction: jax.Array, _: Any, wanted: jax.Array) -> jax.Array:
        return loss(prediction.astype(jnp.float32), wanted)

    return update.make_update(model, examples, objective, optimiser, ema, rates)


def make_predict(model: nn.Module, images: Images) -> Callable[..., jax.Array]:
    """The pure function `predict(variables, batch, arrays) -> float32 [b, ...]`, to be compiled.

    What the model says of an image, its quality or its features, is the mean over its blocks.
    """

    def predict(variables: Any, batch: dict[str, jax.Array], arrays: Any) -> jax.Array:
        image, blocks = _blocks(images(arrays, batch))
        prediction, _ = model.apply(variables, image, train=False)
        prediction = prediction.astype(jnp.float32)
        return prediction.reshape(-1, blocks, *prediction.shape[1:]).mean(axis=1)

    return predict


def _blocks(image: jax.Array) -> tuple[jax.Array, int]:
    """uint8 [b, k, h, w, 3] -> float32 [b * k, h, w, 3] in [0, 1], and k."""
    return to_float(image.reshape(-1, *image.shape[2:])), image.shape[1]
