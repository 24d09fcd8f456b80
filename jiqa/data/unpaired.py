"""Pristine photographs of one source beside scored images of another: what a GAN learns from.

A batch holds as many of each, which have nothing to do with one another.
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
# Added to the seed of the scored images, so that both orders have nothing in common.
_APART = 2**32


@dataclasses.dataclass(eq=False)
class Unpaired:
    """Two sources as one, for training by `jiqa.train.loop.descend`.

    Attributes:
        pristine: of photographs.
        scored: of the images of a database.
        pristine_train: int [n], rows of `pristine` to train on.
        pristine_test: int [n], those never trained on.
        rows: int [n], rows of `scored` that batches take in turn, see `of`.

    Raises:
        InputError: their blocks differ in number or size, or a photograph is in both parts.
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
        """How the pristine photographs are cut."""
        return self.pristine.view

    @property
    def arrays(self) -> dict[str, Any]:
        """Those of both sources, by `pristine` and `scored`."""
        return {"pristine": self.pristine.arrays, "scored": self.scored.arrays}

    def of(self, rows: np.ndarray) -> "Unpaired":
        """The same with these rows of the scored images alone."""
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
        """Batches of the steps in [start, stop); the step's number and the seed alone decide each.

        Arguments and errors are those of a source's `train_batches`, `rows` those of `pristine`.
        What a batch holds of each has its name before it.
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
        """Pristine and scored blocks, uint8 [b, blocks, crop, crop, 3]; to be called in jit."""
        return (
            self.pristine.images(arrays["pristine"], _named(batch, _PRISTINE)),
            self.scored.images(arrays["scored"], _named(batch, _SCORED)),
        )


def _named(batch: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): value for name, value in batch.items() if name.startswith(prefix)
    }
