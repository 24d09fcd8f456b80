"""Ready-made measures in the place of a trained model: nothing is fitted, images are scored whole.

The predictions table holds a score as the measure gives it, its sign turned where the measure runs
against the database's own score (`niqe` against a MOS, `ssim` against a DMOS). Predictions are in
the score's direction there, whoever made them, so every figure reads them alike, and a correlation
is positive where the two agree. Where the scores themselves are averaged, nothing is turned.
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

# Images decoded at a time.
_FEW = 32

Change = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Measure:
    """What a stage scores with.

    Attributes:
        metric: name in `jiqa.list_metrics()`, with the parameters that come with the package. A
            stage that has a model, a restorer, measures the images that this makes of those of the
            database.
        turn: turn the sign where the measure runs against the database's score.
    """

    metric: str
    turn: bool = True


class Scorer:
    """A measure's scores of a database's images, each computed when it is first asked for.

    Args:
        metric: the measure.
        source: of the images.
        change: what is done to each, uint8 [h, w, 3], first.

    Raises:
        InputError: no such measure, or its parameters are not in the package; it compares with
            references and the database has none.
    """

    def __init__(
        self, metric: str, source: Streamed | Resident, change: Change | None = None
    ) -> None:
        self.measure = create_metric(metric)
        self._pairs = None
        if self.measure.kind == "fr":
            self._pairs = paired(source.index, source.records, source.view)
        self._source, self._change = source, change
        self._scores: dict[int, float] = {}

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Scores float64 [n] of the rows int [n] of the index, as the measure gives them.

        Raises:
            InputError: an image is broken or too small, or its original is not there.
        """
        missing = [row for row in rows.tolist() if row not in self._scores]
        # Images of like size are scored together.
        missing.sort(key=self._size)
        about = f"{self.measure.name} of {self._source.index.database}"
        for start in tqdm(range(0, len(missing), _FEW), about, disable=None):
            self._score(missing[start : start + _FEW])
        return np.array([self._scores[row] for row in rows.tolist()])

    def _score(self, rows: list[int]) -> None:
        images = [self._source.load(row) for row in rows]
        if self._change:
            images = [self._change(image) for image in images]
        refs = [self._pairs.reference(row) for row in rows] if self._pairs else None
        for i, score in self.measure.each(images, refs):
            if isinstance(score, InputError):
                why = score.__cause__ or score  # which calls the image by its number here
                name = _name(self._source.index, rows[i])
                raise InputError(f"{self.measure.name} of {name}: {why}") from score
            self._scores[rows[i]] = score

    def _size(self, row: int) -> tuple[int, int]:
        index = self._source.index
        return images.size(self._source.records[index.record[row]], _name(index, row))


class MetricTask(Fitter[Measure]):
    """Scores whole images by a metric of the package; nothing is trained.

    A stage that has a model, a restorer, scores the images restored by it.
    """

    config: ClassVar[type] = Measure

    def check(self, config: Measure, index: Index, records: Records) -> None:
        """Refuses a database that the metric has no references in.

        Raises:
            InputError: as `Scorer`.
        """
        if create_metric(config.metric).kind == "fr":
            try:
                open_references(index.database, records)
            except InputError as error:
                raise InputError(f"{config.metric} on {error}") from None

    def fit(self, context: TaskContext[Measure]) -> Fitted:
        """Scores each image when it is first asked for."""
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
    """The one `Scorer` of a measure and a source as it is, for all splits."""
    return Scorer(metric, source)


def quality(score: Scorer, index: Index, rows: np.ndarray, turn: bool = True) -> np.ndarray:
    """What `Index.to_score` turns into the scores of rows int [n]; `turn` as in `Measure`.

    float64 [n].

    Raises:
        InputError: an image that the measure's own parameters were fitted to.
    """
    fitted = index.family == score.measure.entry.fitted_on
    if fitted and np.any(index.official[rows] == "train"):
        raise InputError(
            f"{score.measure.name} on {index.database}: found images among those to be tested that "
            "it was fitted to, expected the official test part: protocol=official"
        )
    against = turn and score.measure.lower_better == index.higher_better
    return index.to_quality((-1 if against else 1) * score(rows))


def _name(index: Index, row: int) -> str:
    return f"{index.database} {index.id[row]}"
