"""Fits parameters of metrics, for `jiqa fit`."""

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

# Module of the metric, and least sharpness of a patch as a share of its image's greatest sharpness.
_METRICS: dict[str, tuple[ModuleType, float]] = {"niqe": (niqe, 0.75), "ilniqe": (il_niqe, 0.78)}


def fit(metric: str, folders: Sequence[Path]) -> dict[str, np.ndarray]:
    """Arrays for the metric's `load`, fitted to all images in the folders.

    As in the authors' programs, a patch counts where its sharpness, the mean local deviation, is
    above a share (0.75; IL-NIQE 0.78) of the greatest sharpness in its image. Patches with a NaN
    feature do not count.

    Raises:
        InputError: there is no image; an image is broken or too small; there are too few patches
            for a covariance.
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
    """BRISQUE's regression fitted to a database, float32: 100 for the worst score, 0 for the best.

    Images of an official test part are left out.

    Raises:
        InputError: the database is unknown or not prepared.
    """
    database, _, config = name.partition("/")
    index, records = load_index(database, config=config)
    index = index.take(np.flatnonzero(index.official != "test"))
    source = Streamed(index, records, View(None, brisque.LEAST, 1), "read once", 0)
    features = Images(Features("brisque"), source, 8, np.arange(len(index))).features({})
    fitted, _ = svr.regress(features, 100 * (1 - index.quality), index.content_id)
    return Svr(*(np.asarray(field, np.float32) for field in fitted))
