"""Log-Gabor filters in the Fourier domain, as NumPy arrays at trace time.

Field, "Relations between the statistics of natural images and the response properties of cortical
cells", JOSA A 4(12), 1987; laid out as in Kovesi's programs.
"""

import numpy as np


def frequencies(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """x [1, w] and y [h, 1] in -0.5..0.5, zero first; odd n span the range in n - 1 steps."""

    def axis(n: int) -> np.ndarray:
        return np.fft.ifftshift((np.arange(n) - n // 2) / (n - n % 2))

    return axis(width)[None], axis(height)[:, None]


def log_gabor(radius: np.ndarray, centre: float, sigma: float) -> np.ndarray:
    """Radial part exp(-log(radius / centre)^2 / (2 sigma^2)), 0 where the radius is 0."""
    with np.errstate(divide="ignore"):
        return np.exp(-(np.log(radius / centre) ** 2) / (2 * sigma**2))


def spread(x: np.ndarray, y: np.ndarray, angle: float, sigma: float) -> np.ndarray:
    """Gaussian [h, w] of the angle between the frequency (x, y) and `angle`, of deviation sigma.

    Angles are counterclockwise, for rows that go down. A frequency passes and its opposite does
    not, so a filter's response is complex: even part and odd part.
    """
    theta = np.arctan2(-y, x)
    distance = np.abs(np.angle(np.exp(1j * (theta - angle))))
    return np.exp(-(distance**2) / (2 * sigma**2))
