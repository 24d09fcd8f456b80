"""Images scored by what a run has learned, as by a measure without reference."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jiqa import models
from jiqa.data import sampling
from jiqa.data.pipeline import cut, whole
from jiqa.data.sampling import View
from jiqa.errors import InputError
from jiqa.experiment.config import read
from jiqa.experiment.stages import FACTS
from jiqa.files import read_json
from jiqa.images import to_bytes
from jiqa.metrics import metric
from jiqa.metrics.batches import Result
from jiqa.tasks import svr
from jiqa.train import supervised
from jiqa.train.checkpoint import Checkpoints

Predict = Callable[[np.ndarray], float]  # of an image uint8 [h, w, 3]


class TrainedMetric:
    """What the last stage of a run has learned, as a measure: quality, higher is better.

    Its scale is that of `Index.quality`: 0 and 1 are the ends of the range of the scores that it
    was trained on. Images are cut as the run's test images are.

    Args:
        folder: of a run of one split, or of a split of it, `runs/NAME/split0`.

    Attributes:
        name, kind: as an `api.Metric`'s.

    Raises:
        InputError: the folder is none of them, is unfinished, or what it learned last is neither a
            network trained on scores nor a regression on hand-crafted features.
    """

    kind = "nr"

    def __init__(self, folder: str | Path):
        self.name = str(folder)
        here, fields = _split(Path(folder))
        name = fields["stages"][-1]
        step = fields[name]["step"]
        if step not in _PREDICTORS:
            known = " or ".join(_PREDICTORS)
            raise InputError(f"{folder}: found the step {step} at the end, expected {known}")
        self._view = read(View, fields["view"], "view")
        self._predict = _PREDICTORS[step](here / name, fields, self._view)

    def each(self, images: Sequence[Any]) -> Iterator[Result]:
        """Number and score of each image, of any sizes; in its place, the error if it has none."""
        for i, image in enumerate(images):
            try:
                pixels = metric.load(image)
            except InputError as error:
                yield i, error
                continue
            yield from self.add(i, pixels, name=str(image))

    def batches(self) -> "TrainedMetric":
        """Scores images as they come, as an `api.Metric` does: here each by itself."""
        return self

    def add(self, number: int, pixels: Any, ref: Any = None, name: str = "image") -> list[Result]:
        """As `jiqa.metrics.batches.Batches.add`, of pixels uint8 or uint16 [h, w, 3]."""
        try:
            return [(number, self._predict(whole(to_bytes(pixels), self._view, name)))]
        except InputError as error:
            return [(number, error)]

    def finish(self) -> Sequence[Result]:
        """As `jiqa.metrics.batches.Batches.finish`: no image waits for others."""
        return ()


def _split(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of a trained split, and the run's config."""
    found = sorted(path.parent for path in folder.glob("*/split.json"))
    if (folder / "split.json").is_file():
        found = [folder]
    if len(found) != 1 or not (found[0].parent / "run.json").is_file():
        raise InputError(
            f"{folder}: found {len(found)} trained splits, expected the folder of a run of one, as "
            "runs/NAME, or of one of its splits, as runs/NAME/split0"
        )
    return found[0], read_json(found[0].parent / "run.json", "config")["config"]


def _network(stage: Path, fields: dict[str, Any], view: View) -> Predict:
    """Quality by the network of a finished stage, of blocks as the run's test images'."""
    path = stage / FACTS
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected that of a finished stage")
    facts = read_json(path, "model", "selected_step")
    model = models.build(**facts["model"])
    with Checkpoints(stage / "checkpoints") as checkpoints:
        variables = checkpoints.variables(facts["selected_step"])
    predict = jax.jit(supervised.make_predict(model, lambda _, batch: batch["image"]))
    place = sampling.grid(view.test_blocks or view.blocks)

    def of_blocks(image: np.ndarray) -> float:
        blocks = np.stack(cut(image, view, place))
        return float(predict(variables, {"image": blocks[None]}, {})[0])

    return of_blocks


def _regression(stage: Path, fields: dict[str, Any], view: View) -> Predict:
    """Quality by the regression of a stage, on hand-crafted features of the whole image."""
    model = models.build(**(fields[stage.name].get("model") or fields["model"]))
    fitted = svr.Fitted.load(stage / svr.FILE)
    return lambda image: svr.quality(fitted, model, image)


_PREDICTORS = {"supervised": _network, "svr": _regression}
