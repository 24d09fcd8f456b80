"""Mechanisms of the database `pocket`, except its codecs, in NumPy.

Every mechanism is f(image [h, w, 3] in [0, 1], strength, seed) -> [h, w, 3]. They run on the host,
where pixels are the same on every machine, because published results depend on them.
"""

import numpy as np
from scipy import ndimage

from jiqa.data.distort.codec import Seed


def gaussian_blur(image: np.ndarray, deviation: float, _: Seed) -> np.ndarray:
    """Gaussian of this standard deviation in pixels, mirrored at the border."""
    return ndimage.gaussian_filter(image, (deviation, deviation, 0))


def white_noise(image: np.ndarray, variance: float, seed: Seed) -> np.ndarray:
    """Independent Gaussian noise of this variance in every channel."""
    noise = np.random.default_rng(seed)
    return image + np.sqrt(variance) * noise.standard_normal(image.shape, np.float32)


def impulse_noise(image: np.ndarray, density: float, seed: Seed) -> np.ndarray:
    """This share of the samples set to 0 or 1."""
    noise = np.random.default_rng(seed)
    hit = noise.random(image.shape) < density
    return np.where(hit, noise.integers(0, 2, image.shape), image)
