"""Pristine photographs and scored images as one source, for training a GAN.

A batch holds equal numbers of photographs and scored images, which are not related.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from jiqa.data.pipeline import Resident, Streamed
from jiqa.data.sampling import Batch, View
from jiqa.errors import InputError

_PRISTINE, _SCORED = "pristine_", "scored_"
# Added to the seed of the scored images, so that both orders are independent.
_APART = 2**32


@dataclasses.dataclass(eq=False)
class Unpaired:
    """Two sources as one, for training by `jiqa.train.loop.descend`.

    Attributes:
        pristine: source of photographs.
        scored: source of a database's images.
        pristine_train: int [n], rows of `pristine` to train on.
        pristine_test: int [n], rows of `pristine` that are never trained on.
        rows: int [n], rows of `scored` that batches use in turn, see `of`.

    Raises:
        InputError: crops of different number or size, or a photograph in both parts.
    """

    pristine: Streamed | Resident
    scored: Streamed | Resident
    pristine_train: np.ndarray
    pristine_test: np.ndarray
    rows: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, int))

    def __post_init__(self) -> None:
        ours, theirs = ((each.view.crop, each.view.blocks) for each in (self.pristine, self.scored))
        if ours != theirs:
            raise InputError(
                f"unpaired.view: found crop {theirs[0]} and {theirs[1]} blocks of the scored "
                f"images, expected {ours[0]} and {ours[1]} as of the pristine ones"
            )
        both = np.intersect1d(self.pristine_train, self.pristine_test)
        if both.size:
            raise InputError(
                f"pristine_test: found row {both[0]} of pristine_train too, expected others"
            )

    @property
    def view(self) -> View:
        """How to crop the pristine photographs."""
        return self.pristine.view

    @property
    def arrays(self) -> dict[str, Any]:
        """Arrays of both sources, under `pristine` and `scored`."""
        return {"pristine": self.pristine.arrays, "scored": self.scored.arrays}

    def of(self, rows: np.ndarray) -> "Unpaired":
        """The same sources with only these rows of the scored images."""
        return dataclasses.replace(self, rows=np.asarray(rows))

    def train_batches(
        self,
        rows: np.ndarray,
        batch_size: int,
        seed: int,
        start: int,
        stop: int,
        *,
        shard: tuple[int, int] = (0, 1),
    ) -> Iterator[Batch]:
        """Batches of the steps in [start, stop); each depends only on its step and the seed.

        Arguments and errors are those of a source's `train_batches`; `rows` are rows of `pristine`.
        The keys of a batch begin with the name of the source.
        """
        pristine = self.pristine.train_batches(rows, batch_size, seed, start, stop, shard=shard)
        scored = self.scored.train_batches(
            self.rows, batch_size, seed + _APART, start, stop, shard=shard
        )
        return (
            {_PRISTINE + name: value for name, value in one.items()}
            | {_SCORED + name: value for name, value in other.items()}
            for one, other in zip(pristine, scored, strict=True)
        )

    def images(self, arrays: dict[str, Any], batch: dict[str, Any]) -> tuple[jax.Array, jax.Array]:
        """Pristine and scored crops, uint8 [b, blocks, crop, crop, 3]; to be called inside jit."""
        return (
            self.pristine.images(arrays["pristine"], _named(batch, _PRISTINE)),
            self.scored.images(arrays["scored"], _named(batch, _SCORED)),
        )


def _named(batch: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): value for name, value in batch.items() if name.startswith(prefix)
    }
