"""Images checked and converted for metrics: float32 [b, h, w, 3] in [0, 1], or a one-line error."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jiqa.errors import InputError

# The bits of 1.0, read as an integer: floats in [0, 1], except -0, have no larger bits.
_ONE = np.float32(1).view(np.uint32)

Array = jax.Array | np.ndarray


def images(
    image: Any, ref: Any = None, *, least: int = 1, integers: bool = False
) -> tuple[Array, Array | None]:
    """The image and its reference in the form that metrics take.

    Args:
        image: uint8 (0..255), uint16 (0..65535) or floats in [0, 1]; [h, w] or [h, w, 1] is grey,
            [h, w, 3] is RGB, [b, h, w, 1 or 3] is a batch.
        ref: None, or as many references of the same size; either side may be grey.
        least: smallest side that the metric accepts, in pixels.
        integers: keep uint8 and uint16, for a quarter or half of the memory; `unit` converts them
            later.

    Returns:
        Both as float32 [b, h, w, 3] in [0, 1], grey repeated; None in place of a missing `ref`.
        The range of traced arrays is not checked. NumPy arrays stay NumPy arrays, so that no size
        needs its own compilation; only a batch of uint8 is converted by a compiled function.

    Raises:
        InputError: another type, shape or range, a side below `least`, a ref of another size.
    """
    image = _image("image", image, least, integers)
    if ref is None:
        return image, None
    ref = _image("ref", ref, least, integers)
    if image.shape != ref.shape:
        (b, h, w, _), (n, height, width, _) = image.shape, ref.shape
        raise InputError(
            f"ref: found {n} of {height}x{width} pixels, expected {b} of {h}x{w} as the image"
        )
    return image, ref


def _image(name: str, image: Any, least: int, integers: bool) -> Array:
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
    if not (integers and image.dtype in (np.uint8, np.uint16)):
        image = _unit(name, image)
    if image.ndim == 4 and image.shape[-1] == 3:  # no work: JAX would take a while for it
        return image
    image = image.reshape(-1, height, width, image.shape[-1])
    shape = (*image.shape[:-1], 3)
    if isinstance(image, np.ndarray):
        return np.broadcast_to(image, shape)
    return jnp.broadcast_to(image, shape)


def _unit(name: str, image: Array) -> Array:
    expected = "expected uint8 (0..255), uint16 (0..65535) or floats in [0, 1]"
    if image.dtype in (np.uint8, np.uint16):
        if isinstance(image, np.ndarray) and image.ndim == 3:
            return np.divide(image, np.iinfo(image.dtype).max, dtype=np.float32)
        return unit(image)
    if not jnp.issubdtype(image.dtype, jnp.floating):
        raise InputError(f"{name}: found {image.dtype}, {expected}")
    if not isinstance(image, Tracer) and not _in_range(image):
        low, high = float(image.min()), float(image.max())
        raise InputError(f"{name}: found {image.dtype} in [{low:g}, {high:g}], {expected}")
    if isinstance(image, jax.Array):
        return image.astype(jnp.float32)
    return np.asarray(image, np.float32)


@jax.jit
def unit(image: Array) -> jax.Array:
    """Images as float32 in [0, 1] from uint8, uint16 or floats; integers divided as NumPy does.

    XLA would replace a division by a constant with one product, rounded otherwise, and fuse that
    with a subtraction, so that equal images would not differ by exactly 0. A hidden divisor keeps
    the division, but costs an array of floats. The sum of two products, the first of them exact,
    avoids both.
    """
    x = jnp.asarray(image, jnp.float32)
    if jnp.issubdtype(image.dtype, jnp.floating):
        return x
    first, rest = _inverse(np.dtype(image.dtype))
    return x * first + x * rest


@functools.cache
def _inverse(dtype: np.dtype) -> tuple[np.float32, np.float32]:
    """1 / the integer type's maximum in two parts; the first times an integer is exact."""
    inverse = 1 / np.iinfo(dtype).max
    fraction, exponent = np.frexp(inverse)
    bits = 24 - 8 * dtype.itemsize
    first = np.float32(np.ldexp(np.floor(np.ldexp(fraction, bits)), exponent - bits))
    return first, np.float32(inverse - float(first))


def _in_range(x: Array) -> bool:
    """Whether all floats are in [0, 1]."""
    if isinstance(x, jax.Array) and any(device.platform != "cpu" for device in x.devices()):
        return bool(_all_in_range(x))
    x = np.asarray(x)  # the same memory; no waiting for XLA's threads
    if x.dtype == np.float32 and x.view(np.uint32).max() <= _ONE:
        return True
    return bool(x.min() >= 0 and x.max() <= 1)


@jax.jit
def _all_in_range(x: jax.Array) -> jax.Array:
    return ((x >= 0) & (x <= 1)).all()
