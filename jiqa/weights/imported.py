"""What an importer of pre-trained weights gives."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Imported:
    """Variables of a network and the options that make it the one they were trained in."""

    params: dict[str, Any]
    batch_stats: dict[str, Any]
    options: dict[str, Any]

    @property
    def variables(self) -> dict[str, Any]:
        """As the network takes them."""
        return {"params": self.params, "batch_stats": self.batch_stats}
