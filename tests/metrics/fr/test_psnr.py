import jax.numpy as jnp
import numpy as np
import photos
import pytest
from skimage import color, metrics

from jiqa.metrics.fr.psnr import psnr, psnry
from jiqa.ops import check


def test_psnr_by_hand():
    ref = jnp.zeros((2, 1, 2, 3))
    image = ref.at[0, 0, 0, 0].set(0.6).at[1].set(0.1)
    # The mean of one 0.36 in six, and 0.01 everywhere.
    np.testing.assert_allclose(psnr(image, ref), [12.218487, 20], rtol=1e-6)


def test_psnry_is_that_of_skimages_luma_in_whole_levels():
    image, ref = photos.recipe("coffee/jpeg")
    y1, y2 = (np.floor(color.rgb2ycbcr(x)[..., 0] + 0.5).astype(np.uint8) for x in (image, ref))
    expected = metrics.peak_signal_noise_ratio(y2, y1)
    np.testing.assert_allclose(psnry(*check.images(image, ref)), expected, rtol=1e-6)


def test_black_against_white_is_zero_without_a_sign():
    score = np.asarray(psnr(jnp.zeros((1, 3, 4, 3)), jnp.ones((1, 3, 4, 3))))
    assert score == 0
    assert not np.signbit(score)


@pytest.mark.parametrize("measure", [psnr, psnry])
def test_equal_images_have_infinitely_many(measure):
    image = jnp.full((1, 3, 4, 3), 0.25)
    assert measure(image, image) == np.inf
