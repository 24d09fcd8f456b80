"""Types of distortion, applied to batches."""

import dataclasses
import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.data.distort import fit, geometry

Draw = Callable[[jax.Array, tuple[int, ...]], jax.Array]


@dataclasses.dataclass(frozen=True)
class Traced:
    """A mechanism in JAX, compiled once per batch shape, for all levels.

    Attributes:
        function: (image [h, w, 3], strength [], random numbers) -> [h, w, 3].
        draw: (key, shape) -> the function's random numbers; None if it needs none.
        places: whether random numbers are for patches, [geometry.PLACES, 5], or for samples,
            [h, w, 3].
    """

    function: Callable[..., jax.Array]
    draw: Draw | None = None
    places: bool = False

    def __call__(
        self, images: np.ndarray, values: np.ndarray, keys: jax.Array, bounds: fit.Bounds | None
    ) -> jax.Array:
        """[b, h, w, 3] -> [b, h, w, 3]; `values` [b] are strengths, or dB if there are bounds.

        Random numbers are drawn outside the compiled function, so that few programs contain a
        generator.
        """
        shape = (geometry.PLACES, 5) if self.places else images.shape[1:]
        random = _draw(self.draw, keys, shape) if self.draw else None
        return _apply(self.function, bounds, images, values, random)


@functools.partial(jax.jit, static_argnums=(0, 2))
def _draw(draw: Draw, keys: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jax.vmap(lambda key: draw(key, shape))(keys)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _apply(
    function: Callable[..., jax.Array],
    bounds: fit.Bounds | None,
    images: jax.Array,
    values: jax.Array,
    random: jax.Array | None,
) -> jax.Array:
    one = functools.partial(fit.traced, function, bounds) if bounds else function
    with jax.default_matmul_precision("highest"):  # TF32 and bfloat16 are too coarse for pixels
        return jnp.clip(jax.vmap(one)(images, values, random), 0, 1)


@dataclasses.dataclass(frozen=True)
class Host:
    """A mechanism in NumPy on the host, one image per thread.

    Attributes:
        function: (image [h, w, 3], strength, seed) -> [h, w, 3].
        tries: number of random attempts to come close enough to a PSNR.
    """

    function: Callable[..., np.ndarray]
    tries: int = 1

    def __call__(
        self, images: np.ndarray, values: np.ndarray, keys: jax.Array, bounds: fit.Bounds | None
    ) -> np.ndarray:
        """Distorted images; arguments and result as in `Traced`."""

        def one(image: np.ndarray, value: float, seed: list[int]) -> np.ndarray:
            def run(strength: float, attempt: int) -> np.ndarray:
                result = self.function(image, strength, [*seed, attempt])
                return np.clip(result, 0, 1).astype(np.float32)

            if bounds is None:
                return run(value, 0)
            return fit.host(run, bounds, image, value, self.tries)

        # Low word first, so that NumPy's seed is the number that the key was made from.
        seeds = np.asarray(jax.random.key_data(keys))[:, ::-1].tolist()
        with ThreadPoolExecutor(min(len(images), os.cpu_count() or 1)) as pool:
            return np.stack(list(pool.map(one, images, values.tolist(), seeds)))


@dataclasses.dataclass(frozen=True)
class Type:
    """A type of distortion at five levels.

    Attributes:
        mechanism: the function that distorts.
        levels: the strength at each level, or the bounds within which it is fitted to PSNR.
        nearness: one line on how closely the type follows the published one.
    """

    mechanism: Traced | Host
    levels: tuple[float, float, float, float, float] | fit.Bounds
    nearness: str

    @property
    def bounds(self) -> fit.Bounds | None:
        """Bounds of the strength; None if the strengths are given."""
        return self.levels if len(self.levels) == 2 else None

    def __call__(
        self, images: np.ndarray, levels: np.ndarray, keys: jax.Array
    ) -> jax.Array | np.ndarray:
        """Distorted images, float32 [b, h, w, 3], of images in [0, 1], levels int [b], keys [b]."""
        table = np.array(fit.PSNR if self.bounds else self.levels)
        return self.mechanism(images, table[levels - 1], keys, self.bounds)
