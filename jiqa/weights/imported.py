"""Result of importing pre-trained weights."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Imported:
    """Variables of a network, and the options that reproduce the source network."""

    params: dict[str, Any]
    batch_stats: dict[str, Any]
    options: dict[str, Any]

    @property
    def variables(self) -> dict[str, Any]:
        """Variables in the form that the network's `apply` takes."""
        return {"params": self.params, "batch_stats": self.batch_stats}
