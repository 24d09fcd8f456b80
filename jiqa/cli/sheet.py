"""Draws a photograph under all distortions, on one sheet."""

from pathlib import Path

import jax
import numpy as np

from jiqa import images
from jiqa.data import transforms
from jiqa.data.distort import FAMILIES, TYPES, distort
from jiqa.errors import InputError
from jiqa.results import plots


def write(photo: str, path: str, *, family: str | None, size: int, seed: int) -> None:
    """Draws a photograph under every type of distortion at every level, as a PNG file.

    Args:
        photo: an image file, which is reduced before it is distorted.
        path: of the PNG file.
        family: of distortions, one of `FAMILIES`; None: all.
        size: longer side of the reduced photograph, in pixels.
        seed: of random distortions; all levels of a type have the same random choices.

    Raises:
        InputError: the family is unknown, `photo` is no image, the size is below 32, or the suffix
            of `path` is not .png.
    """
    if family is not None and family not in FAMILIES:
        raise InputError(f"--family: found {family!r}, expected one of {', '.join(FAMILIES)}")
    if Path(path).suffix.lower() != ".png":
        raise InputError(f"--output: found {path}, expected the name of a PNG file, .png")
    if size < 32:
        raise InputError(f"--size: found {size}, expected at least 32")
    image = _reduced(photo, size)
    batch = np.repeat(image[None], 5, 0)
    keys = jax.numpy.repeat(jax.random.key(seed).reshape(1), 5)
    rows = {}
    for name in TYPES:
        if family in (None, name.split("/")[0]):
            distorted = np.asarray(distort(batch, name, np.arange(1, 6), keys))
            rows[name] = [image / 255, *distorted]
    columns = ["undistorted", *(f"level {level}" for level in range(1, 6))]
    plots.sheet(rows, columns, path, f"{Path(photo).name}, seed {seed}")


def _reduced(photo: str, size: int) -> np.ndarray:
    try:
        data = Path(photo).read_bytes()
    except OSError as error:
        raise InputError(f"{photo}: {error.strerror}, expected an image") from None
    image = images.decode(data, photo, upright=True)
    height, width = image.shape[:2]
    scale = size / max(height, width)
    return transforms.resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))
