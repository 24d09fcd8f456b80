"""A trained run as a no-reference metric."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jiqa import models
from jiqa.data.pipeline import given
from jiqa.data.protocols import Split
from jiqa.errors import InputError
from jiqa.experiment.config import RunConfig, StageConfig, parse
from jiqa.experiment.stages import FACTS
from jiqa.files import read_json
from jiqa.images import to_bytes
from jiqa.metrics import metric
from jiqa.metrics.batches import Result
from jiqa.tasks.task import Fitted, TaskContext
from jiqa.train import mesh as meshes
from jiqa.train.dataset import Dataset

_NOTHING = np.zeros(0, int)


class TrainedMetric:
    """The last stage of a run as a metric of quality: higher is better.

    The scale is that of `Index.quality`: 0 and 1 are the ends of the training scores' range. Images
    are cut by the run's view of test images.

    Args:
        folder: of a run with one split, or of one split of a run, such as `runs/NAME/split0`.

    Attributes:
        name, kind: as in `jiqa.metrics.metric.Metric`.

    Raises:
        InputError: the folder is neither, the run is unfinished, or its last stage keeps nothing
            that scores images.
    """

    kind = "nr"

    def __init__(self, folder: str | Path) -> None:
        self.name = str(folder)
        split, fields = _split(Path(folder))
        try:
            self._config = parse(fields)
        except InputError as error:
            run = split.parent / "run.json"
            raise InputError(f"{run}: found a config of another version of jiqa: {error}") from None
        self._fitted = _fitted(split, self._config)

    def each(self, images: Sequence[Any]) -> Iterator[Result]:
        """Number of each image, and its score or the error that prevents a score."""
        for i, image in enumerate(images):
            try:
                pixels = metric.load(image)
            except InputError as error:
                yield i, error
                continue
            yield from self.add(i, pixels, name=str(image))

    def batches(self) -> "TrainedMetric":
        """This metric: it scores every added image at once, without batches."""
        return self

    def add(self, number: int, pixels: Any, ref: Any = None, name: str = "image") -> list[Result]:
        """Number and score of one image, uint8 or uint16 [h, w, 3]; see `Batches.add`."""
        source = given([lambda: to_bytes(pixels)], [name], self._config.view)
        try:
            quality = self._fitted.predict(Dataset(source.index, source), np.zeros(1, int))
        except InputError as error:
            return [(number, error)]
        return [(number, float(quality[0]))]

    def finish(self) -> Sequence[Result]:
        """Empty, since no image waits for others; see `Batches.finish`."""
        return ()


def _split(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Folder of a trained split, and config of its run."""
    found = sorted(path.parent for path in folder.glob("*/split.json"))
    if (folder / "split.json").is_file():
        found = [folder]
    if len(found) != 1 or not (found[0].parent / "run.json").is_file():
        raise InputError(
            f"{folder}: found {len(found)} trained splits, expected the folder of a run of one, as "
            "runs/NAME, or of one of its splits, as runs/NAME/split0"
        )
    return found[0], read_json(found[0].parent / "run.json", "config")["config"]


def _fitted(split: Path, config: RunConfig) -> Fitted:
    """Result of the last stage, with a batch size of 1."""
    stage = config.stages[-1]
    folder = split / stage.name
    path = folder / FACTS
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected that of a finished stage")
    facts = read_json(path, "model")
    model = models.build(**facts["model"]) if facts["model"] else None
    return stage.trains.load(_context(folder, config, stage, model), facts)


def _context(folder: Path, config: RunConfig, stage: StageConfig, model: Any) -> TaskContext[Any]:
    fit = stage.fit
    if hasattr(fit, "batch_size"):
        fit = dataclasses.replace(fit, batch_size=1)
    source = given([], [], config.view)
    return TaskContext(
        dataset=Dataset(source.index, source),
        split=Split(folder.parent.name, _NOTHING, _NOTHING, _NOTHING, 0, "", frozenset()),
        folder=folder,
        seed=0,
        config=fit,
        model=model,
        inherited={},
        devices=meshes.alone(),
    )
