"""Log of a training: each report writes a row of a CSV file and TensorBoard events."""

import contextlib
import csv
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto import event_pb2
from tensorboardX.summary import scalar
from tqdm import tqdm

from jiqa.errors import DivergedError, InputError
from jiqa.files import naming, writing
from jiqa.train.checkpoint import Checkpoints

FIELDS: tuple[str, ...] = (
    "step",
    "epoch",
    "seconds",
    "loss",
    "grad_norm",
    "learning_rate",
    "images_per_second",
    "input_wait",
    "val_loss",
    "val_srocc",
    "val_plcc",
    "val_psnr",
)


_events: Any = event_pb2  # protobuf defines the module's names at run time


class Log:
    """Writes `metrics.csv` and `tensorboard/` in a stage's folder.

    A resumed training drops rows and events after the step that it resumes from.

    Args:
        folder: of the stage.
        start: step that the training resumes from.
        extra: further columns of the CSV file, after `FIELDS`.

    Attributes:
        seconds: training time so far, including earlier runs of the same stage.
    """

    def __init__(self, folder: Path, start: int, extra: Sequence[str] = ()):
        events = folder / "tensorboard"
        events.mkdir(parents=True, exist_ok=True)  # the writer fails if another process makes it
        path = folder / "metrics.csv"
        rows = [row for row in read(path) if int(row["step"]) <= start] if path.exists() else []
        self.seconds = float(rows[-1]["seconds"]) if rows else 0.0
        self._path = path
        with (
            writing(path) as unfinished,
            unfinished.open("w", newline="", encoding="utf-8") as file,
        ):
            table = csv.DictWriter(file, (*FIELDS, *extra))
            table.writeheader()
            table.writerows(rows)
        self._file = path.open("a", newline="")
        self._csv = csv.DictWriter(self._file, (*FIELDS, *extra))
        # Events are written at once: a writer with a queue hangs when its thread meets an error.
        self._events = EventsWriter(str(events / "events"))
        with naming(path):
            status = _events.SessionLog(
                status=_events.SessionLog.START
            )  # TensorBoard drops the events from this step on
            self._events.write_event(_events.Event(step=start + 1, session_log=status))
        self._kept = rows

    def evaluations(self, name: str) -> list[dict[str, float]]:
        """Figures of each evaluation up to `start` that has a figure `name`, oldest first."""
        kept = [row for row in self._kept if row.get(name)]
        return [{key: float(value) for key, value in row.items() if value} for row in kept]

    def write(self, step: int, epoch: float, **values: float) -> None:
        """Writes one report; values that are not finite go to the CSV file alone."""
        row = {"step": step, "epoch": epoch, "seconds": self.seconds, **values}
        with naming(self._path):
            self._csv.writerow({k: v if isinstance(v, int) else f"{v:.6g}" for k, v in row.items()})
            self._file.flush()
            for name, value in values.items():
                if math.isfinite(value):
                    event = _events.Event(
                        step=step, wall_time=time.time(), summary=scalar(name, value)
                    )
                    self._events.write_event(event)

    def close(self) -> None:
        """Flushes and closes both files."""
        with naming(self._path), contextlib.closing(self._events):
            self._file.close()

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def rounded(figures: Mapping[str, float]) -> dict[str, float]:
    """Figures rounded as in `metrics.csv`, so that a resumed run selects the same state."""
    return {name: float(f"{value:.6g}") for name, value in figures.items()}


def read(path: Path) -> list[dict[str, str]]:
    """The complete rows of a `metrics.csv`; a row cut short by a kill is left out.

    Raises:
        InputError: the file holds something else.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, restkey="spare"))
        whole = [row for row in rows if None not in row.values()]
        for row in whole:
            _ = int(row["step"]), float(row["seconds"])
    except (csv.Error, KeyError, ValueError) as error:
        raise InputError(f"{path}: found {error}, expected the rows of a training") from None
    return whole


class Report:
    """Collects the metrics of updates on the device and reports their means.

    Metrics are fetched only at a report, so that the host never waits for a single update.
    """

    def __init__(
        self,
        name: str,
        log: Log,
        bar: tqdm,
        checkpoints: Checkpoints,
        batch_size: int,
        learning_rate: Callable[[int], Any],
    ):
        self._name, self._log, self._bar, self._checkpoints = name, log, bar, checkpoints
        self._batch_size, self._learning_rate = batch_size, learning_rate
        self._pending: list[tuple[int, dict[str, jax.Array]]] = []
        self._waited = 0.0
        self._since = time.perf_counter()

    def waiting(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Yields `batches` and measures the time that the loop waits for each."""
        iterator = iter(batches)
        while True:
            before = time.perf_counter()
            batch = next(iterator, None)
            self._waited += time.perf_counter() - before
            if batch is None:
                return
            yield batch

    def add(self, step: int, metrics: dict[str, jax.Array]) -> None:
        """Keeps one update's metrics on the device."""
        self._pending.append((step, metrics))
        self._bar.update()

    def flush(self, step: int, epoch: float) -> None:
        """Reports the updates since the last report.

        Raises:
            DivergedError: a loss is not finite.
        """
        fetched = jax.device_get([metrics for _, metrics in self._pending])
        for (failed, _), metrics in zip(self._pending, fetched, strict=True):
            if not math.isfinite(metrics["loss"]):
                good = self._checkpoints.latest
                resume = (
                    "there is no checkpoint yet"
                    if good is None
                    else (f"the last good checkpoint is step {good} in {self._checkpoints.folder}")
                )
                raise DivergedError(f"step {failed}: the loss is {metrics['loss']}; {resume}")
        took = time.perf_counter() - self._since
        self._log.seconds += took
        mean = {k: float(np.mean([m[k] for m in fetched])) for k in fetched[0]}
        self._log.write(
            step,
            epoch,
            **mean,
            learning_rate=float(self._learning_rate(step)),
            images_per_second=len(fetched) * self._batch_size / took,
            input_wait=self._waited / took,
        )
        self._bar.set_postfix(loss=f"{mean['loss']:.4f}", refresh=False)
        self._pending, self._waited = [], 0.0
        self._since = time.perf_counter()

    def validation(self, step: int, epoch: float, **measured: float) -> None:
        """Reports an evaluation, whose duration does not count as training time."""
        self._log.write(step, epoch, **measured)
        self._bar.write(
            f"{self._name}: epoch {epoch:.1f}, step {step}: "
            + ", ".join(f"{name} {value:.4f}" for name, value in measured.items())
        )
        self._since = time.perf_counter()
