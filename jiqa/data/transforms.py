"""Image operations in NumPy: resize, crop, flip.

Images are uint8 [h, w, 3], RGB, 0..255.
"""

import numpy as np
from PIL import Image


def resize(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bilinear resize of uint8 [h, w, 3] to `shape` (height, width), antialiased as in Pillow."""
    height, width = shape
    if image.shape[:2] == (height, width):
        return image
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized)


def crop(image: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    """The square window of `side` pixels whose corner is (top, left); a view, not a copy."""
    return image[top : top + side, left : left + side]


def flip(image: np.ndarray) -> np.ndarray:
    """Mirror left and right; a view, not a copy."""
    return image[:, ::-1]
