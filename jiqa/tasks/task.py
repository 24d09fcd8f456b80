"""The interface of tasks: what a stage trains, from which examples, and how a state is judged."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import jax
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh

from jiqa.data.index import Index, Records
from jiqa.data.protocols import Split
from jiqa.errors import InputError
from jiqa.results import plots
from jiqa.train.checkpoint import Checkpoints
from jiqa.train.dataset import Dataset
from jiqa.train.loop import descend
from jiqa.train.objective import Objective

Config = TypeVar("Config")

# (dataset, rows int [n] of its index) -> quality float32 [n], higher is better.
Predict = Callable[[Dataset, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class TaskContext(Generic[Config]):
    """Everything that one stage of one split gives its task.

    Attributes:
        dataset: to learn from.
        split: of its rows; those of the test are never learned from.
        folder: of this stage and split.
        seed: of the order of the data, the crops, dropout and all else that chance decides.
        config: of the task's own class.
        model: network of the stage, or None.
        inherited: variables of `model` to start with, inherited parts merged in; the previous
            stage's variables, unchanged, for a task with `takes_previous`.
        devices: as many of them are used as a batch divides over.
        title: run, database, split and stage, for pictures.
    """

    dataset: Dataset
    split: Split
    folder: Path
    seed: int
    config: Config
    model: Any
    inherited: Any
    devices: Mesh
    title: str = ""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """Result of a stage.

    Attributes:
        predict: see `Predict`; `no_quality` of a stage that gives no scores.
        variables: for the stages that follow.
        facts: numbers for the record, such as `steps` and `seconds`.
    """

    predict: Predict
    variables: Any
    facts: dict[str, Any]


def no_quality(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """Stands in for `Fitted.predict` of a stage that gives no scores; raises InputError."""
    raise InputError("stages: found one without scores at the end, expected one that gives them")


class Fitter(Protocol[Config]):
    """A task of any kind: a regression, a metric, a maker of pictures.

    Attributes:
        config: dataclass that a config's section `fit` is read into.
        needs: section that a stage with this task must have: `pairs`, `pristine` or none, ''.
        follows: task that must stand right before this one; '' is any.
        takes_previous: `TaskContext.inherited` is the previous stage's variables, unchanged.
        gives_scores: whether `Fitted.predict` gives quality.
        makes_database: whether later stages may learn from the database that it makes, the fact
            `database`.
    """

    config: ClassVar[type]
    needs: ClassVar[str] = ""
    follows: ClassVar[str] = ""
    takes_previous: ClassVar[bool] = False
    gives_scores: ClassVar[bool] = True
    makes_database: ClassVar[bool] = False

    def check(self, config: Config, index: Index, records: Records) -> None:
        """Refuses, before any training, a database to be tested on that the task can't score."""

    def prepare(self, context: TaskContext[Config]) -> None:
        """Makes what the task needs beside its dataset, once; after a kill it goes on."""

    def fit(self, context: TaskContext[Config]) -> Fitted:
        """Fits, or goes on from what lies in the context's folder."""
        raise NotImplementedError

    def load(self, context: TaskContext[Config], facts: dict[str, Any]) -> Fitted:
        """The result of an earlier `fit`, from its folder and `facts`, to score other images by.

        Raises:
            InputError: the task keeps nothing to score by.
        """
        raise InputError(f"{context.folder}: found a task that keeps nothing to score by")

    def report(self, context: TaskContext[Config], fitted: Fitted) -> None:
        """Draws the stage's pictures and tables into its folder, in one process."""


class Descent(Fitter[Config], Protocol):
    """A task that the one loop trains by gradient."""

    def objective(self, context: TaskContext[Config]) -> Objective:
        """Examples, update, validation and criterion of the training."""
        raise NotImplementedError

    def fitted(self, context: TaskContext[Config], variables: Any) -> Fitted:
        """Result with the variables of the selected state; the loop adds its facts."""
        raise NotImplementedError

    def fit(self, context: TaskContext[Config]) -> Fitted:
        """Trains, or goes on from the latest checkpoint; see `jiqa.train.loop.descend`."""
        config: Any = context.config
        variables, facts = descend(
            self.objective(context),
            context.inherited,
            config,
            context.folder,
            context.devices,
            context.seed,
        )
        fitted = self.fitted(context, variables)
        return dataclasses.replace(fitted, facts=facts | fitted.facts)

    def load(self, context: TaskContext[Config], facts: dict[str, Any]) -> Fitted:
        """The state that an earlier training selected."""
        with Checkpoints(context.folder / "checkpoints") as checkpoints:
            return self.fitted(context, checkpoints.variables(facts["selected_step"]))

    def report(self, context: TaskContext[Config], fitted: Fitted) -> None:
        """Draws the loss curves, `curves.png`."""
        folder = context.folder
        plots.loss_curves(folder / "metrics.csv", folder / "curves.png", context.title)


def initial(model: nn.Module | None, crop: int, seed: int) -> dict[str, Any]:
    """Fresh variables of a network for images of `crop` pixels a side; none without a network."""
    if model is None:
        return {}
    # Initialisation runs once a stage: little compilation pays.
    init = jax.jit(model.init, compiler_options={"xla_backend_optimization_level": 0})
    return init(jax.random.key(seed), np.zeros((1, crop, crop, 3), np.float32))
