"""Images scored by the network that a run has trained, as by a measure without reference."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jiqa import api, models
from jiqa.checkpoint import Checkpoints
from jiqa.data import plan
from jiqa.data.pipeline import cut, whole
from jiqa.data.plan import View
from jiqa.errors import InputError
from jiqa.stage import read
from jiqa.stages import FACTS
from jiqa.steps import supervised


class TrainedMetric:
    """What the last stage of a run has learned, as a measure: quality, higher is better.

    Its scale is that of `Index.quality`: 0 and 1 are the ends of the range of the scores that it
    was trained on. Images are cut as the run's test images are.

    Args:
        folder: of a run of one split, or of a split of it, `runs/NAME/split0`.

    Attributes:
        name, kind: as an `api.Metric`'s.

    Raises:
        InputError: the folder is none of them, is unfinished, or nothing in it was trained on
            scores by gradient.
    """

    kind = "nr"

    def __init__(self, folder: str | Path):
        self.name = str(folder)
        here, fields = _split(Path(folder))
        name = fields["stages"][-1]
        path = here / name / FACTS
        if fields[name]["step"] != "supervised" or not path.is_file():
            raise InputError(
                f"{folder}: found the step {fields[name]['step']} at the end, expected one that "
                f"trains on scores by gradient, and its {FACTS}"
            )
        facts = json.loads(path.read_text())
        self._view = read(View, fields["view"], "view")
        self._predict = _predictor(here / name, facts)

    def each(self, images: Sequence[Any]) -> Iterator[tuple[int, float | InputError]]:
        """Number and score of each image, of any sizes; in its place, the error if it has none."""
        place = plan.grid(self._view.test_blocks or self._view.blocks)
        for i, image in enumerate(images):
            try:
                pixels = whole(api.load(image), self._view, str(image))
            except InputError as error:
                yield i, error
                continue
            yield i, self._predict(np.stack(cut(pixels, self._view, place)))


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
    return found[0], json.loads((found[0].parent / "run.json").read_text())["config"]


def _predictor(stage: Path, facts: dict[str, Any]) -> Callable[[np.ndarray], float]:
    """Quality of an image from its blocks, uint8 [k, crop, crop, 3], by a finished stage."""
    model = models.build(**facts["model"])
    with Checkpoints(stage / "checkpoints") as checkpoints:
        variables = checkpoints.variables(facts["selected_step"])
    predict = jax.jit(supervised.make_predict(model, lambda _, batch: batch["image"]))
    return lambda blocks: float(predict(variables, {"image": blocks[None]}, {})[0])
