"""The features of hand-crafted measures with the face of a network."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from jiqa.errors import InputError
from jiqa.handcrafted import bliinds_ii, brisque, bws, diivine, gm_log

METHODS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "bliinds_ii": bliinds_ii.features,
    "brisque": brisque.features,
    "bws": bws.features,
    "diivine": diivine.features,
    "gm_log": gm_log.features,
}


class HandCrafted(nn.Module):
    """`model(image, train) -> (features, out)`, without parameters; see `jiqa.handcrafted`.

    Image [b, h, w, 3], RGB, floats in [0, 1]. Features [b, d] float32, of the method's module.
    """

    method: str = "brisque"

    @nn.compact
    def __call__(
        self, image: jax.Array, train: bool = False
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Return the features and nothing else; see the class."""
        if self.method not in METHODS:
            known = ", ".join(METHODS)
            raise InputError(f"handcrafted.method: found {self.method!r}, expected one of {known}")
        if self.is_initializing():
            return jnp.zeros((image.shape[0], 0)), {}
        return METHODS[self.method](image), {}
