"""What a trained SFTnet attends to: TTL-IQA's figure 8."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from jiqa import plots
from jiqa.errors import InputError


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
