import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage import color

from jiqa.ops import colour

IMAGE = np.random.default_rng(0).uniform(size=(2, 5, 6, 3))
BYTES = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"), jax.enable_x64(True):
        yield


def test_luma_is_the_first_row_of_the_inverse_of_ntsc2rgb():
    inverse = np.linalg.inv([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.106, 1.703]])
    np.testing.assert_allclose(colour.luma(jnp.asarray(IMAGE)), 255 * IMAGE @ inverse[0])


def test_luma_of_bytes_is_rounded_and_its_gradient_is_not():
    image = jnp.asarray([[1, 2, 3], [0, 0, 255], [255, 255, 255]]) / 255
    exact = [1.8150849, 29.0753306, 255]
    np.testing.assert_allclose(colour.luma(image), exact, rtol=1e-6)
    np.testing.assert_allclose(colour.luma(image, rounded=True), [2, 29, 255])
    slope = jax.grad(lambda x: colour.luma(x, rounded=True).sum())(image)
    np.testing.assert_allclose(slope[0], [76.2286854, 149.695984, 29.0753306], rtol=1e-6)


def test_halves_go_up():
    np.testing.assert_array_equal(colour.nearest(jnp.asarray([0.5, 1.5, 2.4])), [1, 2, 2])


def test_studio_luma_is_skimages_rounded():
    got = colour.studio_luma(jnp.asarray(BYTES / 255))
    np.testing.assert_array_equal(got, np.floor(color.rgb2ycbcr(BYTES)[..., 0] + 0.5))


def test_yiq_is_nearly_skimages():
    got = np.asarray(colour.yiq(jnp.asarray(IMAGE))) / 255
    np.testing.assert_allclose(got, color.rgb2yiq(IMAGE), atol=3e-3)


def test_lmn_of_red_green_and_blue():
    got = colour.lmn(jnp.eye(3, dtype=jnp.float64)) / 255
    np.testing.assert_allclose(got, [[0.06, 0.3, 0.34], [0.63, 0.04, -0.6], [0.27, -0.35, 0.17]])


def test_lab_is_skimages():
    np.testing.assert_allclose(colour.lab(jnp.asarray(IMAGE)), color.rgb2lab(IMAGE), atol=0.02)
    np.testing.assert_allclose(colour.lab(jnp.ones(3, jnp.float64)), [100, 0, 0], atol=0.02)


def test_lab_has_a_gradient_at_black_and_white():
    slope = jax.grad(lambda x: colour.lab(x).sum())(jnp.asarray([[0.0] * 3, [1.0] * 3]))
    assert np.isfinite(slope).all()
