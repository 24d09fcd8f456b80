"""Input normalisations of networks, by the name that their weights carry."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from jiqa.errors import InputError

Preprocess = Callable[[jax.Array], jax.Array]


def _standardise(image: jax.Array, mean: tuple[float, ...], std: tuple[float, ...]) -> jax.Array:
    channels = (1,) * (image.ndim - 1) + (3,)
    mean_, std_ = (jnp.asarray(v, image.dtype).reshape(channels) for v in (mean, std))
    return (image - mean_) / std_


def _caffe(image: jax.Array) -> jax.Array:
    return _standardise(image[..., ::-1] * 255, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0))


def _local_mean(image: jax.Array) -> jax.Array:
    margins = [(0, 0)] * (image.ndim - 3)
    padded = jnp.pad(image, [*margins, (3, 3), (3, 3), (0, 0)], mode="reflect")
    window, strides = (1,) * (image.ndim - 3) + (7, 7, 1), (1,) * image.ndim
    total = jax.lax.reduce_window(padded, 0.0, jax.lax.add, window, strides, "VALID")
    return (image - total / 49) / 0.1


PREPROCESS: dict[str, Preprocess] = {
    "unit": lambda image: image,
    "imagenet": partial(_standardise, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    "caffe": _caffe,
    "local_mean": _local_mean,
}


def normalise(image: jax.Array, preprocess: str) -> jax.Array:
    """The image in the input range of a network.

    Args:
      image: [..., h, w, 3], RGB: floats in [0, 1], or uint8 in 0..255. Values are not checked.
      preprocess: a name in `PREPROCESS`.
        `unit`: unchanged. `imagenet`: minus the mean, over the deviation of ImageNet's channels
        (torchvision's weights). `caffe`: BGR, 0..255, minus the channel means (weights of the
        ResNet paper and of Keras). `local_mean`: minus the mean of the 7x7 neighbourhood
        (borders reflected), over 0.1, for networks trained from scratch.

    Returns:
      An array of the same shape, float32 for uint8, otherwise of the image's dtype.

    Raises:
      InputError: `preprocess` is unknown, or the image isn't [..., h, w, 3] of the types above.
    """
    if preprocess not in PREPROCESS:
        raise InputError(f"preprocess: found {preprocess!r}, expected one of {list(PREPROCESS)}")
    if image.ndim < 3 or image.shape[-1] != 3:
        raise InputError(f"image: found shape {list(image.shape)}, expected [..., h, w, 3]")
    if image.dtype == jnp.uint8:
        image = image.astype(jnp.float32) / 255
    elif not jnp.issubdtype(image.dtype, jnp.floating):
        raise InputError(f"image: found {image.dtype}, expected uint8 (0..255) or floats in [0, 1]")
    return PREPROCESS[preprocess](image)
