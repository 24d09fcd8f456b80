"""Update and validation of an image restorer, on pairs of a distorted image and its reference.

Chen, Fu, Yu, Chu, "No-reference image quality assessment based on a multitask image restoration
network", Applied Sciences 13(11), 2023, section 3.1: both losses are mean absolute errors.
"""

import types
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jiqa.metrics.fr.psnr import psnr
from jiqa.metrics.fr.ssim import ssim_map
from jiqa.train import update
from jiqa.train.update import TrainState, to_float

Pairs = Callable[[Any, dict[str, jax.Array]], jax.Array]


def make_update(
    model: nn.Module,
    optimiser: optax.GradientTransformation,
    pairs: Pairs,
    restore_weight: float,
    ssim_weight: float,
    ema: float = 0.0,
    rates: Mapping[str, float] = types.MappingProxyType({}),
) -> Callable[..., tuple[TrainState, dict[str, jax.Array]]]:
    """The pure function `update(state, batch, arrays) -> (state, metrics)`, to be compiled.

    Args:
        model: linen module, `(image, train) -> (restored, out)`; `out` has `ssim_map` where
            `ssim_weight` is not 0; see `jiqa.models.unet`.
        optimiser: an optax chain.
        pairs: `(arrays, batch) -> uint8 [b, blocks, h, w, 2, 3]`, crops of a reference and of its
            distorted image.
        restore_weight: of the error of the restored image.
        ssim_weight: of the error of the SSIM map.
        ema: decay of the parameters' moving average; 0 is off.
        rates: as in `update.make_update`.
    """

    def examples(arrays: Any, batch: dict[str, jax.Array]) -> tuple[jax.Array, Any]:
        ref, image = _pairs(pairs(arrays, batch))
        return image, (ref, ssim_map(image, ref))

    def loss(
        restored: jax.Array, out: dict[str, jax.Array], targets: Any
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        return _errors(restored, out, targets, restore_weight, ssim_weight).mean(), {}

    return update.make_update(model, examples, loss, optimiser, ema, rates)


def make_judge(
    model: nn.Module, pairs: Pairs, restore_weight: float, ssim_weight: float
) -> Callable[..., jax.Array]:
    """The pure function `judge(variables, batch, arrays) -> float32 [b, 2]`, to be compiled.

    The result is the loss of each pair and the PSNR of its restored image in dB, averaged over the
    pair's crops.
    """

    def judge(variables: Any, batch: dict[str, jax.Array], arrays: Any) -> jax.Array:
        both = pairs(arrays, batch)
        ref, image = _pairs(both)
        restored, out = model.apply(variables, image)
        target = ref, ssim_map(image, ref)
        loss = _errors(restored, out, target, restore_weight, ssim_weight)
        judged = jnp.stack([loss, psnr(jnp.clip(restored, 0, 1), ref)], axis=-1)
        return judged.reshape(*both.shape[:2], 2).mean(axis=1)

    return judge


def _errors(
    restored: jax.Array,
    out: Mapping[str, Any],
    target: tuple[jax.Array, jax.Array],
    restore_weight: float,
    ssim_weight: float,
) -> jax.Array:
    """Loss of each image, [n]; `out` needs no map where `ssim_weight` is 0."""
    ref, truth = target
    loss = restore_weight * jnp.abs(restored - ref).mean((1, 2, 3))
    if ssim_weight:
        loss += ssim_weight * jnp.abs(out["ssim_map"] - truth).mean((1, 2))
    return loss


def _pairs(both: jax.Array) -> tuple[jax.Array, jax.Array]:
    """uint8 [b, k, h, w, 2, 3] -> references and images, float32 [b * k, h, w, 3] in [0, 1]."""
    flat = to_float(both.reshape(-1, *both.shape[2:]))
    return flat[:, :, :, 0], flat[:, :, :, 1]
