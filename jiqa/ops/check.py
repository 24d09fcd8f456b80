"""What a measure takes: images as float32 [b, h, w, 3] in [0, 1], or one line of why not."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jiqa.errors import InputError


def images(image: Any, ref: Any = None, *, least: int = 1) -> tuple[jax.Array, jax.Array | None]:
    """`image` and its reference as a measure takes them.

    Args:
        image: uint8 (0..255) or floats in [0, 1]; [h, w] or [h, w, 1] is grey, [h, w, 3] is RGB,
            [b, h, w, 1 or 3] a batch of either.
        ref: None, or images as many and as large; either may be grey.
        least: pixels of the smallest side that the measure can do with.

    Returns:
        Both as float32 [b, h, w, 3] in [0, 1], grey repeated; None where there was no `ref`.
        Traced arrays pass with their range unseen.

    Raises:
        InputError: another type, shape or range, a side below `least`, a ref of another size.
    """
    image = _image("image", image, least)
    if ref is None:
        return image, None
    ref = _image("ref", ref, least)
    if image.shape != ref.shape:
        (b, h, w, _), (n, height, width, _) = image.shape, ref.shape
        raise InputError(
            f"ref: found {n} of {height}x{width} pixels, expected {b} of {h}x{w} as the image"
        )
    return image, ref


def _image(name: str, image: Any, least: int) -> jax.Array:
    if not isinstance(image, jax.Array):
        image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim not in (3, 4) or image.shape[-1] not in (1, 3) or not image.size:
        expected = "[h, w], [h, w, 1 or 3] or [b, h, w, 1 or 3]"
        raise InputError(f"{name}: found shape {list(image.shape)}, expected {expected}")
    height, width = image.shape[-3:-1]
    if min(height, width) < least:
        found = f"{height}x{width} pixels"
        raise InputError(f"{name}: found {found}, expected {least} or more on each side")
    image = _unit(name, image).reshape(-1, height, width, image.shape[-1])
    return jnp.broadcast_to(image, (*image.shape[:-1], 3))


def _unit(name: str, image: jax.Array | np.ndarray) -> jax.Array:
    expected = "expected uint8 (0..255) or floats in [0, 1]"
    if image.dtype == np.uint8:
        return jnp.asarray(image, jnp.float32) / 255
    if not jnp.issubdtype(image.dtype, jnp.floating):
        raise InputError(f"{name}: found {image.dtype}, {expected}")
    if not isinstance(image, Tracer):
        low, high = map(float, _limits(image))
        if not (low >= 0 and high <= 1):
            raise InputError(f"{name}: found {image.dtype} in [{low:g}, {high:g}], {expected}")
    return jnp.asarray(image, jnp.float32)


def _limits(x: jax.Array | np.ndarray) -> tuple[Any, Any]:
    if isinstance(x, jax.Array) and any(device.platform != "cpu" for device in x.devices()):
        return _ends(x)
    x = np.asarray(x)  # the same memory, without XLA's threads to wait for
    return x.min(), x.max()


@jax.jit
def _ends(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return x.min(), x.max()
