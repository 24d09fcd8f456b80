"""What the one loop makes small: examples, update, validation and the choice of a state."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jiqa.errors import InputError
from jiqa.train import optim
from jiqa.train.dataset import Dataset
from jiqa.train.optim import Optim
from jiqa.train.update import TrainState

Update = Callable[..., tuple[TrainState, dict[str, jax.Array]]]

DIRECTIONS = ("higher", "lower")


@dataclasses.dataclass(frozen=True)
class Criterion:
    """Figure of the validation that decides which state is used.

    Attributes:
        name: a key of what `Objective.validate` returns: `val_srocc`, `val_loss`.
        direction: `higher` or `lower`, whichever is better.
    """

    name: str
    direction: str = "higher"

    def score(self, measured: Mapping[str, float]) -> float:
        """The figure, negated where lower is better: highest for the best state.

        Raises:
            InputError: the validation has no such figure.
        """
        if self.name not in measured:
            known = ", ".join(measured)
            raise InputError(f"criterion: found {self.name!r}, expected one of {known}")
        return measured[self.name] if self.direction == "higher" else -measured[self.name]


def exhausted(scores: Sequence[float], patience: int) -> bool:
    """Whether the last `patience` evaluations brought no new highest score; never where that is 0.

    An undefined score (NaN) is no new highest one.
    """
    if not patience or not len(scores):
        return False
    defined = np.where(np.isnan(scores), -np.inf, scores)
    return len(scores) - 1 - int(np.argmax(defined)) >= patience


@dataclasses.dataclass(frozen=True)
class Objective:
    """What a training by gradient needs to know of its task.

    Attributes:
        dataset: to learn from.
        rows: of its index: int [n], an example each; or int [n, k], a group of k rows each, whose
            images stand one after the other in a batch.
        make_update: from an optimiser to the pure function that does one update,
            `(state, batch, arrays) -> (state, metrics)`.
        validate: from a state's variables to the figures to log.
        criterion: of these, what selects a state unless the config names another.
        columns: name -> values by row of the index, [len(index), ...]: targets that an update
            finds in its batch under this name.
        logged: figures of `make_update` or `validate` that are not in `jiqa.train.log.FIELDS`.
        constants: arrays by name that an update finds beside the source's.
        build: from the optimiser's settings, the parameters and the number of updates to whatever
            has an `init` of the parameters and is what `make_update` takes.
    """

    dataset: Dataset
    rows: np.ndarray
    make_update: Callable[[Any], Update]
    validate: Callable[[Any], dict[str, float]]
    criterion: Criterion
    columns: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    logged: Sequence[str] = ()
    constants: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    build: Callable[[Optim, Any, int], Any] = optim.build
