"""Features of hand-crafted metrics by name, for regressions that are fitted to a database."""

import dataclasses
import functools
from collections.abc import Callable, Iterable
from types import ModuleType

import jax
import numpy as np

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

# Methods whose features take `size`, see `jiqa.ops.masks`.
MASKS = ("brisque",)

# Methods whose features take a codebook, with the module that learns the codebook.
CODEBOOKS: dict[str, ModuleType] = {"cornia": cornia, "hosa": hosa}


@dataclasses.dataclass(frozen=True)
class Features:
    """Features of whole images: `features(image, codebook, size) -> float32 [b, d]`.

    Attributes:
        method: a key of `METHODS`.
        words: number of words of a codebook.
        patches: patches per image, for learning a codebook and for encoding an image.
        images: number of images that a codebook is learned from.

    Raises:
        InputError: unknown method.
    """

    method: str = "brisque"
    words: int = 100
    patches: int = 10_000
    images: int = 100

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            known = ", ".join(METHODS)
            raise InputError(f"features.method: found {self.method!r}, expected one of {known}")

    def learn(self, images: Iterable[np.ndarray]) -> Codebook:
        """The codebook of whole images uint8 [h, w, 3]; empty for a method without one.

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

    def __call__(
        self, image: jax.Array, codebook: Codebook, size: jax.Array | None = None
    ) -> jax.Array:
        """Features of images; meant to be compiled.

        Args:
            image: [b, h, w, 3], RGB, floats in [0, 1].
            codebook: result of `learn`.
            size: see `jiqa.ops.masks`; only for methods in `MASKS`.
        """
        features = METHODS[self.method]
        if self.masks:
            return features(image, size)
        if self.method in CODEBOOKS:
            return features(image, codebook, self.patches)
        return features(image)
