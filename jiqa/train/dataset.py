"""A database and the source of its crops, as every task reads it."""

import dataclasses
from typing import Any

from jax.sharding import Mesh

from jiqa.data.index import Index
from jiqa.train import mesh as meshes


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """A database and its pipeline.

    Attributes:
        index: of the database.
        source: of its crops: of `jiqa.data.pipeline`, or of `pairs` or `unpaired`.
    """

    index: Index
    source: Any
    _placed: dict[Mesh, Any] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def on(self, mesh: Mesh) -> Any:
        """Arrays of the source, whole on every device of a mesh, until another mesh is asked for.

        Stages that run on the same devices share them, and no device holds them twice.
        """
        if mesh not in self._placed:
            self._placed.clear()
            self._placed[mesh] = meshes.copied(self.source.arrays, mesh)
        return self._placed[mesh]
