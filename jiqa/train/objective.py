"""Objective of a training: examples, update, validation and the choice of a state."""

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
    """Figure of the validation that selects a state.

    Attributes:
        name: a key of the result of `Objective.validate`, such as `val_srocc` or `val_loss`.
        direction: `higher` or `lower`, whichever is better.
    """

    name: str
    direction: str = "higher"

    def score(self, measured: Mapping[str, float]) -> float:
        """The figure, negated where lower is better, so that the best state has the highest.

        Raises:
            InputError: the validation has no such figure.
        """
        if self.name not in measured:
            known = ", ".join(measured)
            raise InputError(f"criterion: found {self.name!r}, expected one of {known}")
        return measured[self.name] if self.direction == "higher" else -measured[self.name]


def exhausted(scores: Sequence[float], patience: int) -> bool:
    """Whether the last `patience` evaluations brought no new highest score.

    A `patience` of 0 is never exhausted. A NaN score never is the highest.
    """
    if not patience or not len(scores):
        return False
    defined = np.where(np.isnan(scores), -np.inf, scores)
    return len(scores) - 1 - int(np.argmax(defined)) >= patience


@dataclasses.dataclass(frozen=True)
class Objective:
    """Description of a training by gradient descent, for `jiqa.train.loop.descend`.

    Attributes:
        dataset: to learn from.
        rows: training rows of the dataset's index: int [n], one example each; or int [n, k], groups
            of k rows, whose images are neighbours in a batch.
        make_update: makes the pure function of one update from an optimiser:
            `(state, batch, arrays) -> (state, metrics)`.
        validate: computes the figures to log from a state's variables.
        criterion: figure of `validate` that selects a state unless the config names another.
        columns: targets by name, [len(index), ...]; an update finds the targets of its rows in the
            batch under the same name.
        logged: figures of `make_update` or `validate` that are not in `jiqa.train.log.FIELDS`.
        constants: arrays by name that an update finds among the source's arrays.
        build: makes the optimiser, the argument of `make_update`, from its settings, the parameters
            and the number of updates. The optimiser must have the method `init(params)`.
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
