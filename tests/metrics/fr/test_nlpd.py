import jax
import jax.numpy as jnp
import numpy as np
import photos
from scipy import ndimage
from scipy.signal import convolve2d

from jiqa.metrics.fr import nlpd

LINE = np.array([0.05, 0.25, 0.4, 0.25, 0.05])
PLANE = np.outer(LINE, LINE)

# The learned parameters, as the authors' program lists them.
SIGMAS = (0.0248, 0.0185, 0.0179, 0.0191, 0.0220, 0.2782)
WEIGHTS = (
    [[0, 0.1011, 0, 0], [0.1493, 0, 0.1460, 0.0072], [0, 0.1015, 0, 0]],
    [[0, 0.0757, 0, 0], [0.1986, 0, 0.1846, 0], [0, 0.0837, 0, 0]],
    [[0, 0.0477, 0, 0], [0.2138, 0, 0.2243, 0], [0, 0.0467, 0, 0]],
    [[0, 0, 0, 0], [0.2503, 0, 0.2616, 0], [0, 0, 0, 0]],
    [[0, 0, 0, 0], [0.2598, 0, 0.2552, 0], [0, 0, 0, 0]],
    [[0, 0, 0, 0], [0.2215, 0, 0.0717, 0], [0, 0, 0, 0]],
)


def _expand(low, shape):
    padded = np.pad(low, 1, mode="edge")
    wide = np.zeros((2 * padded.shape[0], 2 * padded.shape[1]))
    wide[::2, ::2] = 4 * padded
    return ndimage.correlate(wide, PLANE, mode="constant")[2 : 2 + shape[0], 2 : 2 + shape[1]]


def _pyramid(grey):
    bands = []
    for _ in range(5):
        low = ndimage.correlate(grey, PLANE, mode="reflect")[::2, ::2]
        bands.append(grey - _expand(low, grey.shape))
        grey = low
    out = []
    for band, sigma, weights in zip([*bands, grey], SIGMAS, WEIGHTS, strict=True):
        kernel = np.zeros((5, 5))
        kernel[1:4, 1:5] = weights
        out.append(band / (sigma + convolve2d(np.abs(band), kernel, "same")))
    return out


def test_grey_is_rounded_as_the_programs_rgb2gray():
    """A small shift of colour, of which rounding makes whole levels."""
    _, ref = photos.recipe("coffee/none")
    ref = ref[:70, :66].astype(int)
    image = np.clip(ref + np.array([[1, 0, -1]]), 0, 255).astype(np.uint8)
    weights = np.linalg.inv([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.106, 1.703]])[0]
    a, b = (_pyramid(np.floor(x @ weights + 0.5) / 255) for x in (image, ref))
    score = np.mean([np.sqrt(np.mean((x - y) ** 2)) for x, y in zip(a, b, strict=True)])
    pair = [jnp.asarray(x[None] / 255, jnp.float32) for x in (image, ref)]
    np.testing.assert_allclose(jax.jit(nlpd.nlpd)(*pair), [score], rtol=1e-4)
    assert abs(jax.jit(lambda *x: nlpd.nlpd(*x, rounded=False))(*pair)[0] / score - 1) > 0.1


def test_levels_and_score_are_the_programs():
    image, ref = (x[:77, :67, 1] / 255 for x in photos.recipe("astronaut/noise"))
    naive = [_pyramid(x) for x in (image, ref)]
    got = jax.jit(nlpd.pyramid)(jnp.asarray(image[None], jnp.float32))
    for level, expected in zip(got, naive[0], strict=True):
        np.testing.assert_allclose(level[0], expected, atol=2e-5)
    score = np.mean([np.sqrt(np.mean((a - b) ** 2)) for a, b in zip(*naive, strict=True)])
    pair = [jnp.asarray(np.repeat(x[None, ..., None], 3, -1), jnp.float32) for x in (image, ref)]
    np.testing.assert_allclose(jax.jit(nlpd.nlpd)(*pair), [score], rtol=1e-5)
