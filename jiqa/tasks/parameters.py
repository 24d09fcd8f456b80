"""Fits the parameters that metrics come with: `jiqa fit`."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import jax
import numpy as np

from jiqa import images
from jiqa.data.pipeline import Streamed
from jiqa.data.sampling import View
from jiqa.databases.load import load_index
from jiqa.errors import InputError
from jiqa.metrics.nr import brisque, il_niqe, niqe
from jiqa.metrics.nr.features import Features
from jiqa.metrics.nr.svr import Svr
from jiqa.tasks import svr
from jiqa.tasks.features import Images

# The metric, and the share of an image's greatest sharpness that a block needs to be taken.
_METRICS: dict[str, tuple[ModuleType, float]] = {"niqe": (niqe, 0.75), "ilniqe": (il_niqe, 0.78)}


def fit(metric: str, folders: Sequence[Path]) -> dict[str, np.ndarray]:
    """The arrays that `load` of the metric reads, of all images in the folders.

    As the authors do: a block is taken where its sharpness, the mean of the local deviation, is
    above a share of the greatest one of its image (0.75; IL-NIQE 0.78); blocks with a feature that
    is not a number do not count.

    Raises:
        InputError: no image, one that is broken or too small, or too few blocks for a covariance.
    """
    module, share = _METRICS[metric]
    features = jax.jit(module.features)
    rows, least = [], 2 * module.BLOCK
    for path in (path for folder in folders for path in images.photographs(folder)):
        image = images.decode(path.read_bytes(), str(path))
        if min(image.shape[:2]) < least:
            found = "x".join(map(str, image.shape[:2]))
            raise InputError(f"{path}: found {found} pixels, expected {least} or more on each side")
        found, sharpness = (np.asarray(x[0]) for x in features(image[None] / np.float32(255)))
        rows.append(found[sharpness > share * sharpness.max()])
    taken = np.concatenate(rows).astype(np.float64)
    taken = taken[np.isfinite(taken).all(-1)]
    return module.model(taken)


def regression(name: str) -> Svr:
    """BRISQUE's regression on a database, in float32, 100 at its worst score and 0 at its best.

    No image of an official test part is read.

    Raises:
        InputError: no such database, or it is not prepared.
    """
    database, _, config = name.partition("/")
    index, records = load_index(database, config=config)
    index = index.take(np.flatnonzero(index.official != "test"))
    source = Streamed(index, records, View(None, brisque.LEAST, 1), "read once", 0)
    features = Images(Features("brisque"), source, 8, np.arange(len(index))).features({})
    fitted, _ = svr.regress(features, 100 * (1 - index.quality), index.content_id)
    return Svr(*(np.asarray(field, np.float32) for field in fitted))
