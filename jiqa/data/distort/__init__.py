"""Synthetic distortions of photographs at five levels, mild to severe.

`TYPES` has the 25 types of KADID-10k (H. Lin, V. Hosu, D. Saupe, QoMEX 2019), the 24 of TID2013
(N. Ponomarenko et al., Signal Processing: Image Communication 30, 2015), the four of Waterloo
Exploration (K. Ma et al., IEEE TIP 26(2), 2017) and the five of `pocket`, by name: family/type.
Each type's `nearness` describes how closely it follows the published one. Codecs run on the host,
other types in JAX.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.data.distort.families import FAMILIES, TYPES
from jiqa.errors import InputError

__all__ = ["FAMILIES", "TYPES", "distort"]


def distort(
    image: np.ndarray | jax.Array,
    name: str,
    level: int | np.ndarray,
    key: int | jax.Array = 0,
) -> jax.Array:
    """The images with the distortion `name` at `level`.

    Args:
        image: RGB, float in [0, 1] or uint8; [h, w, 3], or [b, h, w, 3] for a batch.
        name: a key of `TYPES`, such as `kadid10k/lens_blur`.
        level: 1 (mild) to 5 (severe); [b] for one level per image.
        key: a JAX key or its seed, for all randomness. Image i of a batch is distorted as it would
            be alone with the key folded with i. Keys [b] are used without folding.

    Returns:
        float32 in [0, 1] of the image's shape.

    Raises:
        InputError: an unknown name, a level outside 1..5, a key of another kind or number, an image
            of another shape or range, or below 16 pixels a side.
    """
    if name not in TYPES:
        raise InputError(f"distortion: found {name!r}, expected one of {', '.join(TYPES)}")
    images = _unit(np.asarray(image))
    levels = np.asarray(level)
    if levels.dtype.kind not in "iu" or not np.all((levels >= 1) & (levels <= 5)):
        raise InputError(f"{name}: found level {level}, expected 1 to 5")
    shape = images.shape[:-3]
    if levels.shape not in ((), shape):
        either = "[]" + f" or {list(shape)}" * bool(shape)
        raise InputError(f"{name}: found levels {list(levels.shape)}, expected {either}")
    keys = jax.random.key(key) if isinstance(key, int | np.integer) else key
    if not jnp.issubdtype(keys.dtype, jax.dtypes.prng_key) or keys.shape not in ((), shape):
        found = f"{keys.dtype} {list(keys.shape)}"
        raise InputError(f"{name}: found key {found}, expected a seed or one of jax.random.key")
    if not shape:
        return jnp.asarray(TYPES[name](images[None], levels[None], keys[None])[0])
    if not keys.ndim:
        keys = jax.vmap(jax.random.fold_in, (None, 0))(keys, jnp.arange(len(images)))
    return jnp.asarray(TYPES[name](images, np.broadcast_to(levels, shape), keys))


def _unit(image: np.ndarray) -> np.ndarray:
    if image.ndim not in (3, 4) or image.shape[-1] != 3 or not image.size:
        raise InputError(f"image: found shape {image.shape}, expected (h, w, 3) or (b, h, w, 3)")
    if min(image.shape[-3:-1]) < 16:
        raise InputError(f"image: found shape {image.shape}, expected at least 16 pixels a side")
    if image.dtype == np.uint8:
        return image.astype(np.float32) / 255
    if not np.issubdtype(image.dtype, np.floating) or not 0 <= image.min() <= image.max() <= 1:
        found = f"{image.dtype} in [{image.min()}, {image.max()}]"
        raise InputError(f"image: found {found}, expected uint8 or float in [0, 1]")
    return image.astype(np.float32)
