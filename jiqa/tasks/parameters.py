"""Fits the parameters that measures come with.

python -m jiqa.tasks.parameters niqe FOLDER... --out FILE.npz
    Pristine statistics of NIQE, or of IL-NIQE (ilniqe), of folders of photographs.
python -m jiqa.tasks.parameters brisque DATABASE --out FILE.npz
    BRISQUE's regression, to a prepared database, less its official test part if it has one.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np

from jiqa import images
from jiqa.errors import InputError, ended
from jiqa.files import write_npz
from jiqa.metrics.nr import brisque, il_niqe, niqe
from jiqa.metrics.nr.svr import Svr

# The measure, and the share of an image's greatest sharpness that a block needs to be taken.
_MEASURES: dict[str, tuple[ModuleType, float]] = {"niqe": (niqe, 0.75), "ilniqe": (il_niqe, 0.78)}


def fit(measure: str, folders: Sequence[Path]) -> dict[str, np.ndarray]:
    """What `load` of the measure reads, of all images in the folders.

    As the authors do: a block is taken where its sharpness, the mean of the local deviation, is
    above a share of the greatest one of its image (0.75; IL-NIQE 0.78); blocks with a feature that
    is not a number do not count.

    Raises:
        InputError: no image, one that is broken or too small, or too few blocks for a covariance.
    """
    module, share = _MEASURES[measure]
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
    from jiqa.data.index import load_index
    from jiqa.data.pipeline import Streamed
    from jiqa.data.sampling import View
    from jiqa.metrics.nr.features import HandCrafted
    from jiqa.tasks import svr

    database, _, config = name.partition("/")
    index, records = load_index(database, config=config)
    index = index.take(np.flatnonzero(index.official != "test"))
    source = Streamed(index, records, View(None, brisque.LEAST, 1), "read once", 0)
    model: Any = HandCrafted("brisque")  # flax makes it hashable, which its type does not say
    features = svr.extract(model, source, 8).features({})
    fitted, _ = svr.regress(features, 100 * (1 - index.quality), index.content_id)
    return Svr(*(np.asarray(field, np.float32) for field in fitted))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measure", choices=(*_MEASURES, "brisque"))
    parser.add_argument("source", nargs="+", help="folders, or a database")
    parser.add_argument("--out", required=True, type=Path)
    given = parser.parse_args(arguments)
    return ended(lambda: _write(given))


def _write(given: argparse.Namespace) -> None:
    if given.measure == "brisque":
        found = regression(given.source[0])._asdict()
    else:
        found = fit(given.measure, [Path(folder) for folder in given.source])
    write_npz(given.out, found)


if __name__ == "__main__":
    sys.exit(main())
