"""The one training loop: state, compiled step, log, checkpoints, evaluation cadence."""

import dataclasses
import functools
import math
import time
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh
from tqdm import tqdm

from jiqa import interrupt
from jiqa.data.index import Index
from jiqa.data.pipeline import Resident, Streamed
from jiqa.data.protocols import Split
from jiqa.errors import InputError
from jiqa.results import stats
from jiqa.tasks import ridge, svr
from jiqa.tasks.folds import folds
from jiqa.train import losses, optim, supervised
from jiqa.train import mesh as meshes
from jiqa.train.checkpoint import Checkpoints
from jiqa.train.log import Log, Report
from jiqa.train.optim import Optim
from jiqa.train.predict import compile_predict, predict_rows
from jiqa.train.update import TrainState, init_state

Update = Callable[..., tuple[TrainState, dict[str, jax.Array]]]


@dataclasses.dataclass(frozen=True)
class Descent:
    """How a stage is trained by gradient.

    Attributes:
        epochs: passes over the training rows.
        updates: how many in all, in the place of `epochs`; 0: as many as those take.
        batch_size: images an update, over all devices; each gives the view's blocks.
        optim: the optimiser.
        select: `best` (highest validation SROCC; of a restorer, lowest validation loss) or `last`
            decides which state is used.
        evaluate_every: epochs between two evaluations on the validation rows, each of which
            writes a checkpoint.
        evaluate_updates: updates between them, in the place of epochs, where it is not 0.
        log_every: updates between two rows of `metrics.csv`.
    """

    epochs: float = 30
    updates: int = 0
    batch_size: int = 32
    optim: Optim = dataclasses.field(default_factory=Optim)
    select: str = "best"
    evaluate_every: float = 1
    evaluate_updates: int = 0
    log_every: int = 20

    def __post_init__(self) -> None:
        if self.select not in ("best", "last"):
            raise InputError(f"select: found {self.select!r}, expected best or last")
        for name in ("epochs", "evaluate_every"):
            if not getattr(self, name) > 0:
                found = getattr(self, name)
                raise InputError(f"{name}: found {found}, expected a number above 0")

    def steps(self, rows: int) -> tuple[int, frozenset[int]]:
        """How many updates a training on so many rows takes, and after which it is evaluated.

        The last is always among these. What falls between two updates is the later one's.
        """
        per_epoch = rows / self.batch_size
        steps = self.updates or math.ceil(self.epochs * per_epoch)
        every = self.evaluate_updates or self.evaluate_every * per_epoch
        ends = (math.ceil(i * every) for i in range(1, int(steps / every) + 1))
        return steps, frozenset({*ends, steps})


@dataclasses.dataclass(frozen=True)
class Fit(Descent):
    """How a stage is trained on scores: with `loss`, a name in `jiqa.train.losses`."""

    loss: str = "mae"


@dataclasses.dataclass(frozen=True)
class Data:
    """A database and its pipeline.

    Attributes:
        index: of the database.
        source: of its blocks: of `jiqa.data.pipeline`, or `pairs` or `unpaired` beside it.
        arrays: the source's; `on` puts them on devices.
    """

    index: Index
    source: Any
    arrays: Any
    _placed: dict[Mesh, Any] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def on(self, mesh: Mesh) -> Any:
        """The arrays, whole on every device of a mesh, where they stay until another is asked for.

        So stages that run on the same devices share them, and no device holds them twice.
        """
        if mesh not in self._placed:
            self._placed.clear()
            self._placed[mesh] = meshes.copied(self.arrays, mesh)
        return self._placed[mesh]


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a training ends with.

    Attributes:
        predict: of a database, the trained one or another, and rows int [n] of its index: quality
            float32 [n]; `no_quality` of what gives no scores.
        variables: of the selected state, for the stages that follow.
        facts: numbers for the record, such as `steps` and `seconds`.
    """

    predict: Callable[[Data, np.ndarray], np.ndarray]
    variables: Any
    facts: dict[str, Any]


def no_quality(data: Data, rows: np.ndarray) -> np.ndarray:
    """In the place of `Trained.predict`; raises InputError."""
    raise InputError("stages: found one without scores at the end, expected one that gives them")


def fit(
    model: nn.Module,
    variables: Any,
    data: Data,
    split: Split,
    how: Fit,
    folder: Path,
    mesh: Mesh,
    seed: int,
) -> Trained:
    """Trains, or goes on from the latest checkpoint in `folder`.

    Args:
        model: linen module, `(image, train) -> (prediction, out)`.
        variables: initial `params` and `batch_stats`, pre-trained parts merged in.
        data: what to train on.
        split: its rows; those of the test are never read here.
        how: the training.
        folder: of this stage and split: `checkpoints/`, `metrics.csv`, `tensorboard/`.
        mesh: of the devices, of which those are used that the batch divides over.
        seed: of the data order, the blocks and dropout.

    Returns:
        The predictor of the selected state; facts `steps`, `seconds` and `selected_step`.

    Raises:
        InputError: a field of `how` is off, or the batch does not divide over the processes.
        DivergedError: the loss is not finite.
    """
    loss = losses.get(how.loss)
    predictor = make_predictor(model, how.batch_size, mesh)

    def make_update(optimiser: optax.GradientTransformation) -> Update:
        images, ema, rates = data.source.images, how.optim.ema, how.optim.rates
        return supervised.make_update(model, loss, optimiser, images, ema, rates=rates)

    def validate(variables: Any) -> dict[str, float]:
        return _validate(partial(predictor, variables), data, split.val, how.loss)

    def score(measured: dict[str, float]) -> float:
        return measured["val_srocc"]

    variables, facts = descend(
        make_update,
        validate,
        score,
        variables,
        data,
        split.train,
        how,
        folder,
        mesh,
        seed,
        columns={"quality": data.index.quality},
    )
    return Trained(partial(predictor, variables), variables, facts)


def descend(
    make_update: Callable[[optax.GradientTransformation], Update],
    validate: Callable[[Any], dict[str, float]],
    score: Callable[[dict[str, float]], float],
    variables: Any,
    data: Data,
    rows: np.ndarray,
    how: Descent,
    folder: Path,
    mesh: Mesh,
    seed: int,
    *,
    columns: Mapping[str, np.ndarray] = types.MappingProxyType({}),
    build: Callable[[Optim, Any, int], Any] = optim.build,
    logged: Sequence[str] = (),
) -> tuple[Any, dict[str, Any]]:
    """The loop of every training by gradient; arguments and errors else as `fit`'s.

    Args:
        make_update: from the optimiser to the pure function that does one update.
        validate: of a state's variables, the measures to log.
        score: of these measures, highest for the best state.
        rows: int [n], to train on.
        columns: of the index, by the name under which an update finds a batch's rows of it.
        build: of the settings, the parameters and the number of steps, the optimiser: whatever has
            an `init` of the parameters and is what `make_update` takes.
        logged: what an update or `validate` measures beside the columns of `jiqa.train.log.FIELDS`.

    Returns:
        The variables of the selected state; facts `steps`, `seconds` and `selected_step`.
    """
    mesh = meshes.fitting(mesh, how.batch_size)
    per_epoch = len(rows) / how.batch_size
    steps, evaluated = how.steps(len(rows))
    optimiser = build(how.optim, variables["params"], steps)
    update = jax.jit(
        make_update(optimiser), donate_argnums=0, out_shardings=meshes.replicated(mesh)
    )
    # The update donates its state; the caller keeps its variables.
    variables = jax.tree.map(jnp.copy, meshes.copied(variables, mesh))
    state = init_state(variables, optimiser, seed, how.optim.ema)
    state = meshes.copied(state, mesh)
    with interrupt.deferred() as signal, Checkpoints(folder / "checkpoints") as checkpoints:
        start = checkpoints.latest or 0
        if start:
            state = checkpoints.restore(start, state)
        with (
            Log(folder, start, logged) as log,
            tqdm(total=steps, initial=start, unit="step", desc=folder.name, disable=None) as bar,
        ):
            report = Report(
                folder.name, log, bar, checkpoints, how.batch_size, optim.schedule(how.optim, steps)
            )
            batches = data.source.train_batches(
                rows, how.batch_size, seed, start, steps, shard=meshes.process_shard()
            )
            batches = _with_columns(batches, columns)
            batches = report.waiting(meshes.to_device(batches, mesh))
            arrays = data.on(mesh)
            for step, batch in enumerate(batches, start + 1):
                state, metrics = update(state, batch, arrays)
                report.add(step, metrics)
                if step % how.log_every == 0 or step in evaluated or signal:
                    report.flush(step, step / per_epoch)
                if step in evaluated:
                    measured = validate(state.variables)
                    report.validation(step, step / per_epoch, **measured)
                    checkpoints.save(step, state, score(measured))
                if signal:
                    raise _interrupted(signal, step, state, checkpoints)
        selected = steps if how.select == "last" else checkpoints.best or steps
        if selected != steps:
            checkpoints.wait()
            state = checkpoints.restore(selected, state)
    facts = {"steps": steps, "seconds": round(log.seconds), "selected_step": selected}
    return state.variables, facts


def _interrupted(
    signal: interrupt.Deferred, step: int, state: TrainState, checkpoints: Checkpoints
) -> interrupt.Interrupted:
    """The error to raise after a step, once its state is saved."""
    if checkpoints.latest != step and jax.process_count() == 1:  # several never stop at one step
        checkpoints.save(step, state)
    checkpoints.wait()
    return signal.interrupted(f"step {checkpoints.latest} is kept in {checkpoints.folder}")


@dataclasses.dataclass(frozen=True)
class RidgeFit:
    """How a ridge regression on fixed features is fitted.

    Attributes:
        batch_size: images a batch while features are computed.
        strengths: penalties to choose from, inside the training and validation rows.
    """

    batch_size: int = 32
    strengths: tuple[float, ...] = ridge.STRENGTHS


def fit_ridge(
    model: nn.Module,
    variables: Any,
    data: Data,
    split: Split,
    how: RidgeFit,
    folder: Path,
    mesh: Mesh,
    seed: int,
) -> Trained:
    """Fits a ridge regression to the features of a fixed model; arguments as `fit`'s.

    The strength is chosen by cross-validation, so the validation rows are trained on too.
    `folder` gets `ridge.npz`.
    """
    variables = meshes.copied(variables, meshes.fitting(mesh, how.batch_size))
    features = partial(make_predictor(model, how.batch_size, mesh), variables)
    began = time.perf_counter()
    rows = np.sort(np.concatenate([split.train, split.val]))
    folds(data.index.content_id[rows])  # before features are computed
    fitted = ridge.solve(
        features(data, rows), data.index.quality[rows], data.index.content_id[rows], how.strengths
    )
    folder.mkdir(parents=True, exist_ok=True)
    fitted.save(folder / "ridge.npz")
    facts = {
        "seconds": round(time.perf_counter() - began),
        "strength": float(fitted.strength),
    }
    return Trained(lambda data, rows: fitted.predict(features(data, rows)), variables, facts)


@dataclasses.dataclass(frozen=True)
class SvrFit:
    """How a support vector regression on features of whole images is fitted.

    Attributes:
        batch_size: images of one size a batch, at most, while features are computed.
        penalties: to choose from, inside the training and validation rows.
        widths: of the kernel, as multiples of 1 / features, to choose from.
    """

    batch_size: int = 8
    penalties: tuple[float, ...] = svr.PENALTIES
    widths: tuple[float, ...] = svr.WIDTHS


def fit_svr(
    model: nn.Module,
    variables: Any,
    data: Data,
    split: Split,
    how: SvrFit,
    folder: Path,
    mesh: Mesh,
    seed: int,
) -> Trained:
    """Fits a support vector regression to the features of a model without parameters.

    Arguments as `fit`'s. The images are whole, at their own size or the view's; each is read once,
    however many splits there are. Penalty and width are chosen by cross-validation, so the
    validation rows are trained on too. `folder` gets `svr.npz`.
    """
    began = time.perf_counter()
    rows = np.sort(np.concatenate([split.train, split.val]))
    index = data.index
    folds(index.content_id[rows])  # before features are computed
    fitted, chosen = svr.solve(
        svr.extract(model, data.source, how.batch_size, mesh)[rows],
        index.quality[rows],
        index.content_id[rows],
        how.penalties,
        how.widths,
    )
    folder.mkdir(parents=True, exist_ok=True)
    fitted.save(folder / svr.FILE)

    def predict(data: Data, rows: np.ndarray) -> np.ndarray:
        return svr.predict(fitted, svr.extract(model, data.source, how.batch_size, mesh)[rows])

    return Trained(predict, variables, {"seconds": round(time.perf_counter() - began), **chosen})


def make_predictor(
    model: nn.Module, batch_size: int, mesh: Mesh
) -> Callable[[Any, Data, np.ndarray], np.ndarray]:
    """What predicts rows: `(variables, data, rows) -> float32 [n, ...]`.

    It is compiled once for each database. The variables are on the devices that `meshes.fitting`
    gives, or on none.
    """
    mesh = meshes.fitting(mesh, batch_size)

    @functools.cache
    def compiled(source: Streamed | Resident) -> Callable[..., jax.Array]:
        return compile_predict(supervised.make_predict(model, source.images), mesh)

    def predict(variables: Any, data: Data, rows: np.ndarray) -> np.ndarray:
        return predict_rows(
            compiled(data.source), variables, data.source, data.on(mesh), rows, batch_size, mesh
        )

    return predict


def _with_columns(
    batches: Iterable[dict[str, np.ndarray]], columns: Mapping[str, np.ndarray]
) -> Iterator[dict[str, np.ndarray]]:
    for batch in batches:
        yield batch | {name: column[batch["row"]] for name, column in columns.items()}


def _validate(
    predictor: Callable[[Data, np.ndarray], np.ndarray], data: Data, rows: np.ndarray, loss: str
) -> dict[str, float]:
    """Loss, SROCC and PLCC on the validation rows, on the quality scale; NaN without any."""
    if not len(rows):
        return {"val_loss": math.nan, "val_srocc": math.nan, "val_plcc": math.nan}
    prediction, quality = predictor(data, rows), data.index.quality[rows]
    return {
        "val_loss": float(losses.get(loss)(jnp.asarray(prediction), jnp.asarray(quality))),
        "val_srocc": float(stats.srocc(prediction, quality)),
        "val_plcc": float(stats.plcc(prediction, quality)),
    }
