"""A database and the source of its crops: the input of every task."""

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
        source: of crops: one of `jiqa.data.pipeline`, `pairs` or `unpaired`.
    """

    index: Index
    source: Any
    _placed: dict[Mesh, Any] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def on(self, mesh: Mesh) -> Any:
        """Arrays of the source, with a whole copy on every device of a mesh.

        Copies for the latest mesh are cached: stages on the same devices share one copy.
        """
        if mesh not in self._placed:
            self._placed.clear()
            self._placed[mesh] = meshes.copied(self.source.arrays, mesh)
        return self._placed[mesh]
