"""What a trained SFTnet attends to: TTL-IQA's figure 8."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from jiqa.errors import InputError
from jiqa.results import plots
from jiqa.tasks.task import TaskContext

SHEET = "attention.png"
# Images that it shows.
SHOWN = 3


def show(context: TaskContext[Any], variables: Any) -> None:
    """Draws what a trained model attends to in test images between the best and the worst.

    The middle of each is shown. Nothing is drawn again.

    Args:
        context: of the stage; `attention.png` goes to its folder.
        variables: the model's.

    Raises:
        InputError: as `draw`.
    """
    path, index, rows = context.folder / SHEET, context.dataset.index, context.split.test
    if path.exists() or not len(rows):
        return
    ranked = rows[np.argsort(-index.quality[rows], kind="stable")]
    source = context.dataset.source
    images = {
        f"{index.id[row]}\n{index.score_name} {index.score[row]:.3g}": source.middle(row)
        for row in ranked[np.unique(np.linspace(0, len(rows) - 1, SHOWN).astype(int))]
    }
    draw(context.model, variables, images, path, context.title)


def draw(
    model: nn.Module,
    variables: Any,
    images: Mapping[str, np.ndarray],
    path: Path,
    title: str,
    n: int = 3,
) -> None:
    """Draws the maps of V that S weighs most and least, a row an image; see `plots.feature_maps`.

    Args:
        model: an SFTnet with attention.
        variables: the model's.
        images: label -> uint8 [h, w, 3], of the size that the model takes.
        path: of the PNG file.
        title: says what the model was trained on.
        n: maps at either end.

    Raises:
        InputError: a model without attention; matplotlib is not installed; as the model.
    """
    here, apply = jax.device_get(variables), jax.jit(model.apply)
    pictures = {}
    for name, image in images.items():
        _, out = apply(here, image[None])
        if "weights" not in out:
            raise InputError("model: found no attention, expected an SFTnet that has it")
        maps, weights = (np.asarray(out[key][0], np.float32) for key in ("map", "weights"))
        pictures[name] = image, maps, weights
    plots.feature_maps(pictures, path, title, n)
