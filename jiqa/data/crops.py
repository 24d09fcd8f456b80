"""Crops of whole images, as a view describes them."""

import numpy as np

from jiqa.data import sampling, transforms
from jiqa.data.sampling import View


def whole(image: np.ndarray, view: View, name: str) -> np.ndarray:
    """An image uint8 [h, w, 3], resized by the view.

    Raises:
        InputError: an image too small for the view; the message begins with `name`.
    """
    if view.resize:
        return transforms.resize(image, view.resize)
    view.check(name, image.shape[:2])
    return image


def cut(image: np.ndarray, view: View, place: np.ndarray) -> list[np.ndarray]:
    """Crops of a whole image uint8 [h, w, ...] at `place` [k, 3]: k of uint8 [crop, crop, ...].

    A crop is black where `place` asks for more tiles than the image has.
    """
    side, blocks = (view.crop, view.crop), []
    for size, top, left in view.windows(image.shape[:2], place):
        if size:
            blocks.append(transforms.resize(transforms.crop(image, top, left, size), side))
        else:
            blocks.append(np.zeros((*side, *image.shape[2:]), image.dtype))
    return blocks


def tiled(place: np.ndarray) -> bool:
    """Whether crops are tiles; an image may have fewer tiles than crops."""
    return bool((place[..., 0] == sampling.TILE).all())
