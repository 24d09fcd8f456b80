"""Pictures of the attention of a trained SFTnet, as figure 8 of TTL-IQA."""

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
# Number of images on the sheet.
SHOWN = 3


def show(context: TaskContext[Any], variables: Any) -> None:
    """Draws the attention of a trained model in three test images, from the best to the worst.

    Each image is cut to its middle. An existing picture is kept.

    Args:
        context: of the stage; `attention.png` goes to the stage's folder.
        variables: of the model.

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
    """Draws the maps of V with the highest and the lowest weights of S, one row per image.

    Args:
        model: an SFTnet with attention.
        variables: of the model.
        images: label -> uint8 [h, w, 3], of the size that the model takes.
        path: of the PNG file.
        title: names the training data of the model.
        n: number of maps with the highest weights, and of maps with the lowest.

    Raises:
        InputError: the model has no attention; matplotlib is not installed; an image has a size
            that the model refuses.
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
