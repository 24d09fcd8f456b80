"""Scores whole images by a metric of the package, without training.

Predictions are the metric's scores in the direction of the database's own score: the sign is turned
where metric and database differ in direction (`niqe` with a MOS, `ssim` with a DMOS). A correlation
is therefore positive where metric and database agree. With `turn=False` the sign is kept, for
tables that average a metric's scores.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from tqdm import tqdm

from jiqa import images
from jiqa.data.index import Index, Records
from jiqa.data.pipeline import Resident, Streamed
from jiqa.databases.load import open_references
from jiqa.databases.pairs import paired
from jiqa.errors import InputError
from jiqa.metrics.metric import create_metric
from jiqa.tasks.restore import restorer
from jiqa.tasks.task import Fitted, Fitter, TaskContext
from jiqa.train.dataset import Dataset

# Number of images that are decoded together.
_FEW = 32

Change = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class MetricConfig:
    """Settings of a stage that scores by a metric.

    Attributes:
        metric: name in `jiqa.list_metrics()`; its parameters are those of the package. A stage
            with a model, a restorer, scores the restored images of the database.
        turn: turn the sign where metric and database score differ in direction.
    """

    metric: str
    turn: bool = True


class Scorer:
    """A metric's scores of a database's images; each image is scored at the first request.

    Args:
        metric: name of the metric.
        source: of the images.
        change: applied to each image uint8 [h, w, 3] before it is scored.

    Raises:
        InputError: the metric is unknown, or its parameters are not in the package; a
            full-reference metric meets a database without references.
    """

    def __init__(
        self, metric: str, source: Streamed | Resident, change: Change | None = None
    ) -> None:
        self.metric = create_metric(metric)
        self._pairs = None
        if self.metric.kind == "fr":
            self._pairs = paired(source.index, source.records, source.view)
        self._source, self._change = source, change
        self._scores: dict[int, float] = {}

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """The metric's scores float64 [n] of the index's rows int [n], with their own sign.

        Raises:
            InputError: an image is broken or too small, or its reference is missing.
        """
        missing = [row for row in rows.tolist() if row not in self._scores]
        # Images of similar size are scored together.
        missing.sort(key=self._size)
        about = f"{self.metric.name} of {self._source.index.database}"
        for start in tqdm(range(0, len(missing), _FEW), about, disable=None):
            self._score(missing[start : start + _FEW])
        return np.array([self._scores[row] for row in rows.tolist()])

    def _score(self, rows: list[int]) -> None:
        images = [self._source.load(row) for row in rows]
        if self._change:
            images = [self._change(image) for image in images]
        refs = [self._pairs.reference(row) for row in rows] if self._pairs else None
        for i, score in self.metric.each(images, refs):
            if isinstance(score, InputError):
                why = score.__cause__ or score  # the outer error names the image by its number
                name = _name(self._source.index, rows[i])
                raise InputError(f"{self.metric.name} of {name}: {why}") from score
            self._scores[rows[i]] = score

    def _size(self, row: int) -> tuple[int, int]:
        index = self._source.index
        return images.size(self._source.records[index.record[row]], _name(index, row))


class MetricTask(Fitter[MetricConfig]):
    """Scores whole images by a metric of the package; nothing is trained.

    A stage with a model, a restorer, scores the restored images.
    """

    config: ClassVar[type] = MetricConfig

    def check(self, config: MetricConfig, index: Index, records: Records) -> None:
        """Refuses a database without references for a full-reference metric.

        Raises:
            InputError: the metric is unknown, or the database has no references.
        """
        if create_metric(config.metric).kind == "fr":
            try:
                open_references(index.database, records)
            except InputError as error:
                raise InputError(f"{config.metric} on {error}") from None

    def fit(self, context: TaskContext[MetricConfig]) -> Fitted:
        """Returns a result that scores each image at the first request."""
        config = context.config
        restore = restorer(context.model, context.inherited) if context.model else None

        def restored(image: np.ndarray) -> np.ndarray:
            return restore(image)[0] if restore else image

        def of(dataset: Dataset) -> Scorer:
            if restore:
                return Scorer(config.metric, dataset.source, restored)
            return scorer(config.metric, dataset.source)

        def predict(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
            return quality(of(dataset), dataset.index, rows, config.turn)

        return Fitted(predict, context.inherited, {"seconds": 0})


@functools.lru_cache(maxsize=8)
def scorer(metric: str, source: Streamed | Resident) -> Scorer:
    """The shared `Scorer` of a metric and a source, for all splits."""
    return Scorer(metric, source)


def quality(score: Scorer, index: Index, rows: np.ndarray, turn: bool = True) -> np.ndarray:
    """Quality float64 [n] of rows int [n]; `Index.to_score` turns quality into the metric's scores.

    `turn` as in `MetricConfig`.

    Raises:
        InputError: the parameters of the metric were fitted to an image of `rows`.
    """
    fitted = index.family == score.metric.entry.fitted_on
    if fitted and np.any(index.official[rows] == "train"):
        raise InputError(
            f"{score.metric.name} on {index.database}: found images among those to be tested that "
            "it was fitted to, expected the official test part: protocol=official"
        )
    against = turn and score.metric.lower_better == index.higher_better
    return index.to_quality((-1 if against else 1) * score(rows))


def _name(index: Index, row: int) -> str:
    return f"{index.database} {index.id[row]}"
