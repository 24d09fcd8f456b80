"""The interface of tasks: `Fitter` for tasks of any kind, `Descent` for training by gradient."""

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
    """Input of a task: everything that it needs to know of one stage on one split.

    Attributes:
        dataset: to learn from.
        split: of the dataset's rows; a task never learns from test rows.
        folder: of the stage's results on this split.
        seed: of the order of the data, the crops, dropout and every other random choice.
        config: of the task's own class.
        model: network of the stage, or None.
        inherited: variables of `model` to start with, inherited parts merged in; for a task with
            `takes_previous`, the previous stage's variables, unchanged.
        devices: available devices; a task uses the largest part that its batch divides over.
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
        predict: see `Predict`; `no_quality` for a stage without scores.
        variables: for the stages that follow.
        facts: numbers for the record, such as `steps` and `seconds`.
    """

    predict: Predict
    variables: Any
    facts: dict[str, Any]


def no_quality(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """`Fitted.predict` of a stage without scores: raises InputError."""
    raise InputError("stages: found one without scores at the end, expected one that gives them")


class Fitter(Protocol[Config]):
    """A task of any kind: a regression, a metric, a maker of pictures.

    Attributes:
        config: dataclass of the settings in a stage's section `fit`.
        needs: section that a stage with this task must have: `pairs`, `pristine` or, for none, ''.
        follows: task that the previous stage must have; '' is any.
        takes_previous: receive the previous stage's variables unchanged in `TaskContext.inherited`.
        gives_scores: whether `Fitted.predict` gives quality.
        makes_database: whether the task makes a database for later stages; the fact `database` is
            its folder.
    """

    config: ClassVar[type]
    needs: ClassVar[str] = ""
    follows: ClassVar[str] = ""
    takes_previous: ClassVar[bool] = False
    gives_scores: ClassVar[bool] = True
    makes_database: ClassVar[bool] = False

    def check(self, config: Config, index: Index, records: Records) -> None:
        """Refuses, before any training, a test database that the task cannot score."""

    def prepare(self, context: TaskContext[Config]) -> None:
        """Makes the task's further data once; resumes after a kill."""

    def fit(self, context: TaskContext[Config]) -> Fitted:
        """Fits the task, or resumes from results in the context's folder."""
        raise NotImplementedError

    def load(self, context: TaskContext[Config], facts: dict[str, Any]) -> Fitted:
        """Reads the result of an earlier `fit` from its folder and `facts`, to score other images.

        Raises:
            InputError: the task keeps nothing that scores images.
        """
        raise InputError(f"{context.folder}: found a task that keeps nothing to score by")

    def database(self, facts: dict[str, Any]) -> tuple[Index, Records]:
        """Index and records of the database that a stage made, from its `facts`.

        Raises:
            InputError: the task makes no database.
        """
        raise InputError("found a task that makes no database, expected one that does")

    def report(self, context: TaskContext[Config], fitted: Fitted) -> None:
        """Draws the stage's pictures and tables into its folder, in one process."""


class Descent(Fitter[Config], Protocol):
    """A task that `jiqa.train.loop.descend` trains by gradient descent."""

    def objective(self, context: TaskContext[Config]) -> Objective:
        """Examples, update, validation and criterion of the training."""
        raise NotImplementedError

    def fitted(self, context: TaskContext[Config], variables: Any) -> Fitted:
        """Result of the stage with the variables of the selected state; `fit` adds facts."""
        raise NotImplementedError

    def fit(self, context: TaskContext[Config]) -> Fitted:
        """Trains the model, or resumes from the latest checkpoint."""
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
        """Reads the state that an earlier training selected."""
        with Checkpoints(context.folder / "checkpoints") as checkpoints:
            return self.fitted(context, checkpoints.variables(facts["selected_step"]))

    def report(self, context: TaskContext[Config], fitted: Fitted) -> None:
        """Draws the loss curves into `curves.png`."""
        folder = context.folder
        plots.loss_curves(folder / "metrics.csv", folder / "curves.png", context.title)


def initial(model: nn.Module | None, crop: int, seed: int) -> dict[str, Any]:
    """Fresh variables of a network for square images of `crop` pixels; {} without a network."""
    if model is None:
        return {}
    # Initialisation runs once per stage: optimising its compilation does not pay.
    init = jax.jit(model.init, compiler_options={"xla_backend_optimization_level": 0})
    return init(jax.random.key(seed), np.zeros((1, crop, crop, 3), np.float32))
