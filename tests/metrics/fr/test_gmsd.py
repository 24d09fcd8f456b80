import jax
import jax.numpy as jnp
import numpy as np
import photos
from scipy.signal import convolve2d

from jiqa.metrics.fr import gmsd


def _naive(image, ref):
    """Of grey [h, w] in 0..255, with MATLAB's conv2(..., 'same')."""
    dx = np.array([[1, 0, -1]] * 3) / 3

    def magnitude(x):
        mean = convolve2d(x, np.full((2, 2), 0.25))[1:, 1:][::2, ::2]
        return np.hypot(*(convolve2d(mean, d, "same") for d in (dx, dx.T)))

    a, b = magnitude(ref), magnitude(image)
    return np.std((2 * a * b + 170) / (a**2 + b**2 + 170), ddof=1)


def test_score_is_that_of_conv2_at_any_parity():
    image, ref = (x[..., 1].astype(float) for x in photos.recipe("coffee/blur"))
    for rows, columns in ((60, 44), (61, 45)):
        pair = [x[:rows, :columns] for x in (image, ref)]
        colours = [jnp.asarray(np.repeat(x[None, ..., None], 3, -1) / 255) for x in pair]
        np.testing.assert_allclose(jax.jit(gmsd.gmsd)(*colours), [_naive(*pair)], rtol=1e-5)


def test_grey_is_pyiqas():
    # pyiqa 0.1.16 on the green channel as grey; its luma of colours is rounded.
    expected = {"astronaut/jpeg": 0.03324323, "chelsea/brightness": 0.00712675}
    pairs = [photos.recipe(name) for name in expected]
    images = [
        np.stack(x)[..., 1:2].repeat(3, -1) / np.float32(255) for x in zip(*pairs, strict=True)
    ]
    np.testing.assert_allclose(
        jax.jit(gmsd.gmsd)(*map(jnp.asarray, images)), [*expected.values()], rtol=1e-5
    )
