"""The one training loop: state, compiled update, log, checkpoints, evaluations, early stop."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from tqdm import tqdm

from jiqa import interrupt
from jiqa.errors import InputError
from jiqa.train import mesh as meshes
from jiqa.train import optim
from jiqa.train.checkpoint import Checkpoints
from jiqa.train.log import Log, Report, rounded
from jiqa.train.objective import DIRECTIONS, Criterion, Objective, exhausted
from jiqa.train.optim import Optim
from jiqa.train.update import TrainState, init_state


@dataclasses.dataclass(frozen=True)
class DescentConfig:
    """Settings of a training by gradient descent.

    Attributes:
        epochs: passes over the training rows.
        updates: number of updates; 0: as many as `epochs` take.
        batch_size: images of an update, over all devices; each image gives the view's crops.
        optim: the optimiser.
        select: state to use: `best`, the state with the best criterion on the validation rows, or
            `last`, the state after the last update.
        criterion: figure of the validation that `best` and `patience` compare, such as `val_loss`;
            '' is the task's own criterion.
        direction: `higher` or `lower`, whichever is better; '' is the task's own direction, and
            `lower` for a criterion that ends in `_loss`.
        patience: evaluations without a new best after which the training ends; 0 is off.
        evaluate_every: epochs between two evaluations on the validation rows; each evaluation
            writes a checkpoint.
        evaluate_updates: updates between two evaluations; 0: `evaluate_every` decides.
        log_every: updates between two rows of `metrics.csv`.

    Raises:
        InputError: a field is out of its range.
    """

    epochs: float = 30
    updates: int = 0
    batch_size: int = 32
    optim: Optim = dataclasses.field(default_factory=Optim)
    select: str = "best"
    criterion: str = ""
    direction: str = ""
    patience: int = 0
    evaluate_every: float = 1
    evaluate_updates: int = 0
    log_every: int = 20

    def __post_init__(self) -> None:
        for field, known in (("select", ("best", "last")), ("direction", ("", *DIRECTIONS))):
            if getattr(self, field) not in known:
                expected = " or ".join(filter(None, known))
                raise InputError(f"{field}: found {getattr(self, field)!r}, expected {expected}")
        for field in ("epochs", "evaluate_every"):
            if not getattr(self, field) > 0:
                found = getattr(self, field)
                raise InputError(f"{field}: found {found}, expected a number above 0")
        for field, least in (
            ("batch_size", 1),
            ("log_every", 1),
            ("updates", 0),
            ("evaluate_updates", 0),
        ):
            if getattr(self, field) < least:
                raise InputError(f"{field}: found {getattr(self, field)}, expected {least} or more")
        if self.patience < 0:
            raise InputError(f"patience: found {self.patience}, expected 0 or more evaluations")

    def steps(self, rows: int) -> tuple[int, frozenset[int]]:
        """Number of updates of a training on `rows` rows, and the updates to evaluate after.

        The last update is always evaluated. An evaluation due between two updates follows the
        later one.
        """
        per_epoch = rows / self.batch_size
        steps = self.updates or math.ceil(self.epochs * per_epoch)
        every = self.evaluate_updates or self.evaluate_every * per_epoch
        ends = (math.ceil(i * every) for i in range(1, int(steps / every) + 1))
        return steps, frozenset({*ends, steps})

    def chosen(self, own: Criterion) -> Criterion:
        """Criterion that selects a state; `own` is the task's."""
        if not self.criterion:
            return dataclasses.replace(own, direction=self.direction or own.direction)
        known = own.direction if self.criterion == own.name else "higher"
        lower = "lower" if self.criterion.endswith("_loss") else known
        return Criterion(self.criterion, self.direction or lower)


def descend(
    objective: Objective,
    variables: Any,
    config: DescentConfig,
    folder: Path,
    mesh: Mesh,
    seed: int,
) -> tuple[Any, dict[str, Any]]:
    """Trains a model, or resumes from the latest checkpoint in `folder`.

    Args:
        objective: examples, update and validation of the task.
        variables: initial `params` and `batch_stats`, inherited parts merged in.
        config: the training.
        folder: gets `checkpoints/`, `metrics.csv` and `tensorboard/`.
        mesh: of devices; the largest part that the batch divides over is used.
        seed: of the order of the data, the crops and dropout.

    Returns:
        The variables of the selected state, and facts: `steps` (updates done), `seconds` (training
        time) and `selected_step`.

    Raises:
        InputError: a field of `config` is wrong, or a batch does not divide over the processes or
            into the objective's groups.
        DivergedError: the loss is not finite.
    """
    mesh = meshes.fitting(mesh, config.batch_size)
    images = objective.rows.size
    per_epoch = images / config.batch_size
    steps, evaluated = config.steps(images)
    criterion = config.chosen(objective.criterion)
    optimiser = objective.build(config.optim, variables["params"], steps)
    update = jax.jit(
        objective.make_update(optimiser), donate_argnums=0, out_shardings=meshes.replicated(mesh)
    )
    # The update donates its state; the caller keeps its variables.
    variables = jax.tree.map(jnp.copy, meshes.copied(variables, mesh))
    state = init_state(variables, optimiser, seed, config.optim.ema)
    state = meshes.copied(state, mesh)
    with interrupt.deferred() as signal, Checkpoints(folder / "checkpoints") as checkpoints:
        start = checkpoints.latest or 0
        if start:
            state = checkpoints.restore(start, state)
        with (
            Log(folder, start, objective.logged) as log,
            tqdm(total=steps, initial=start, unit="step", desc=folder.name, disable=None) as bar,
        ):
            report = Report(
                folder.name,
                log,
                bar,
                checkpoints,
                config.batch_size,
                optim.schedule(config.optim, steps),
            )
            scores = [criterion.score(figures) for figures in log.evaluations(criterion.name)]
            done, stop = start, start if exhausted(scores, config.patience) else steps
            source = objective.dataset.source
            batches = source.train_batches(
                objective.rows,
                config.batch_size,
                seed,
                start,
                stop,
                shard=meshes.process_shard(),
            )
            batches = _with_columns(batches, objective.columns)
            arrays = objective.dataset.on(mesh)
            if objective.constants:
                arrays = arrays | meshes.copied(dict(objective.constants), mesh)
            batches = report.waiting(meshes.to_device(batches, mesh))
            for step, batch in enumerate(batches, start + 1):
                state, metrics = update(state, batch, arrays)
                report.add(step, metrics)
                if step % config.log_every == 0 or step in evaluated or signal:
                    report.flush(step, step / per_epoch)
                if step in evaluated:
                    measured = objective.validate(state.variables)
                    report.validation(step, step / per_epoch, **measured)
                    checkpoints.save(step, state, criterion.score(measured))
                    scores.append(criterion.score(rounded(measured)))
                    done = step
                if signal:
                    raise _interrupted(signal, step, state, checkpoints)
                if step in evaluated and exhausted(scores, config.patience):
                    break
        best = checkpoints.best if np.isfinite(scores).any() else None
        selected = done if config.select == "last" else best or done
        if selected != done:
            checkpoints.wait()
            state = checkpoints.restore(selected, state)
    facts = {"steps": done, "seconds": round(log.seconds), "selected_step": selected}
    return state.variables, facts


def _interrupted(
    signal: interrupt.Deferred, step: int, state: TrainState, checkpoints: Checkpoints
) -> interrupt.Interrupted:
    """Saves the state after an update and returns the error to raise."""
    if checkpoints.latest != step and jax.process_count() == 1:  # processes stop at other steps
        checkpoints.save(step, state)
    checkpoints.wait()
    return signal.interrupted(f"step {checkpoints.latest} is kept in {checkpoints.folder}")


def _with_columns(
    batches: Iterable[dict[str, np.ndarray]], columns: Mapping[str, np.ndarray]
) -> Iterator[dict[str, np.ndarray]]:
    for batch in batches:
        yield batch | {name: column[batch["row"]] for name, column in columns.items()}
