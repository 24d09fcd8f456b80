"""Fits the pristine statistics of NIQE or IL-NIQE to a folder of photographs.

python -m jiqa.handcrafted.fit niqe FOLDER... --out FILE.npz
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import jax
import numpy as np

from jiqa.data import pp
from jiqa.errors import InputError, JiqaError, tell
from jiqa.handcrafted import il_niqe, niqe

# The measure, and the share of an image's greatest sharpness that a block needs to be taken.
_MEASURES: dict[str, tuple[ModuleType, float]] = {"niqe": (niqe, 0.75), "ilniqe": (il_niqe, 0.78)}
_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


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
    for path in _images(folders):
        image = pp.decode(path.read_bytes(), str(path))
        if min(image.shape[:2]) < least:
            found = "x".join(map(str, image.shape[:2]))
            raise InputError(f"{path}: found {found} pixels, expected {least} or more on each side")
        found, sharpness = (np.asarray(x[0]) for x in features(image[None] / np.float32(255)))
        rows.append(found[sharpness > share * sharpness.max()])
    taken = np.concatenate(rows).astype(np.float64)
    taken = taken[np.isfinite(taken).all(-1)]
    return module.model(taken)


def _images(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in _SUFFIXES)
        if not paths:
            raise InputError(f"{folder}: found no images, expected photographs")
        yield from paths


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measure", choices=_MEASURES)
    parser.add_argument("folder", nargs="+", type=Path)
    parser.add_argument("--out", required=True, type=Path)
    given = parser.parse_args(arguments)
    try:
        np.savez_compressed(given.out, **fit(given.measure, given.folder))
    except JiqaError as error:
        return tell(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
