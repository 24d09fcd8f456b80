"""The features of hand-crafted measures with the face of a network."""

import functools
from collections.abc import Callable, Iterable
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jiqa.errors import InputError
from jiqa.metrics.nr import bliinds_ii, brisque, bws, cornia, diivine, gm_log, hosa
from jiqa.metrics.nr.patches import Codebook

METHODS: dict[str, Callable[..., jax.Array]] = {
    "bliinds_ii": bliinds_ii.features,
    "brisque": brisque.features,
    "bws": bws.features,
    "cornia": cornia.features,
    "diivine": diivine.features,
    "gm_log": gm_log.features,
    "hosa": hosa.features,
}

# Those whose features take `size`, see `jiqa.ops.masks`.
MASKS = ("brisque",)

# Those whose features take a codebook, by the module that learns it.
CODEBOOKS: dict[str, ModuleType] = {"cornia": cornia, "hosa": hosa}


class HandCrafted(nn.Module):
    """`model(image, train) -> (features, out)`, without parameters; see `jiqa.metrics.nr`.

    Image [b, h, w, 3], RGB, floats in [0, 1]. Features [b, d] float32, of the method's module. The
    collection `codebook` holds what `learn` returned, where the method has one.

    Attributes:
        method: a key of `METHODS`.
        words: of a codebook.
        patches: of an image, to learn a codebook from and to encode by it.
        images: to learn a codebook from.
    """

    method: str = "brisque"
    words: int = 100
    patches: int = 10_000
    images: int = 100

    def learn(self, images: Iterable[np.ndarray]) -> Codebook:
        """The codebook of whole images uint8 [h, w, 3]; empty where the method has none.

        Raises:
            InputError: fewer patches than words.
        """
        if self.method not in CODEBOOKS:
            return {}
        module = CODEBOOKS[self.method]
        local = jax.jit(functools.partial(module.local, count=self.patches))
        found = [np.asarray(local(image[None] / np.float32(255))[0]) for image in images]
        return module.learn(np.concatenate(found), self.words)

    @property
    def masks(self) -> bool:
        """Whether images of several sizes may share an array."""
        return self.method in MASKS

    @nn.compact
    def __call__(
        self, image: jax.Array, train: bool = False, size: jax.Array | None = None
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Return the features and nothing else; see the class, and on `size` `jiqa.ops.masks`."""
        if self.method not in METHODS:
            known = ", ".join(METHODS)
            raise InputError(f"handcrafted.method: found {self.method!r}, expected one of {known}")
        if self.is_initializing():
            return jnp.zeros((image.shape[0], 0)), {}
        features = METHODS[self.method]
        if self.masks:
            return features(image, size), {}
        if self.method in CODEBOOKS:
            return features(image, self.variables["codebook"], self.patches), {}
        return features(image), {}
