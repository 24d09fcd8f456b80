"""Strengths fitted to each image by bisection, so that PSNR meets a target."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

PSNR = (33.0, 30.0, 27.0, 24.0, 21.0)
"""dB, over all samples of an image in [0, 1]: what TID2013 was tuned to, by level."""

Bounds = tuple[float, float]
"""The mildest and the severest strength; the steps between are even on a logarithmic scale."""

STEPS = 12  # of bisection, in JAX
HOST_STEPS = 8  # enough for qualities, ratios and numbers of errors


def psnr(image: Any, reference: Any) -> Any:
    """PSNR in dB of images in [0, 1], over their last three axes."""
    numpy = jnp if isinstance(image, jax.Array) else np
    error = ((image - reference) ** 2).mean((-3, -2, -1))
    return -10 * numpy.log10(numpy.maximum(error, 1e-12))


def traced(
    function: Callable[..., jax.Array],
    bounds: Bounds,
    image: jax.Array,
    target: jax.Array,
    random: jax.Array | None,
) -> jax.Array:
    """Result of `function(image, strength, random)` nearest to `target` dB, in JAX."""

    def step(_: int, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        mild, severe, best, gap = state
        middle = (mild + severe) / 2
        result = jnp.clip(function(image, _between(bounds, middle), random), 0, 1)
        reached = psnr(result, image)
        nearer = jnp.abs(reached - target) < gap
        best = jnp.where(nearer, result, best)
        gap = jnp.where(nearer, jnp.abs(reached - target), gap)
        weak = reached > target
        return jnp.where(weak, middle, mild), jnp.where(weak, severe, middle), best, gap

    start = (jnp.float32(0), jnp.float32(1), image, jnp.float32(jnp.inf))
    return jax.lax.fori_loop(0, STEPS, step, start)[2]


def host(
    function: Callable[[float, int], np.ndarray],
    bounds: Bounds,
    image: np.ndarray,
    target: float,
    tries: int,
) -> np.ndarray:
    """Result of `function(strength, attempt)` nearest to `target` dB, in NumPy.

    Makes up to `tries` attempts, until one is within 1 dB.
    """
    best, gap = image, np.inf
    for attempt in range(tries):
        mild, severe = 0.0, 1.0
        for _ in range(HOST_STEPS):
            middle = (mild + severe) / 2
            result = function(float(_between(bounds, middle)), attempt)
            reached = psnr(result, image)
            if abs(reached - target) < gap:
                best, gap = result, abs(reached - target)
            mild, severe = (middle, severe) if reached > target else (mild, middle)
        if gap < 1:
            break
    return best


def _between(bounds: Bounds, place: Any) -> Any:
    mild, severe = bounds
    return mild * (severe / mild) ** place
