import functools

import jax.numpy as jnp
import numpy as np
import photos
import pytest
from metrics.fr import naive_ssim as naive
from scipy import ndimage
from skimage import metrics

import jiqa
from jiqa.metrics.fr import ssim
from jiqa.ops import check


def _large(height, width):
    """A photograph of more than 384 pixels a side, made of those at hand, and its noisy copy."""
    ref = np.tile(photos.photo("coffee"), (4, 3, 1))[:height, :width]
    return photos.noise(ref), ref


@pytest.mark.parametrize(("height", "width"), [(383, 390), (385, 400), (641, 645)])
def test_large_photographs_are_shrunk_first(height, width):
    image, ref = _large(height, width)
    assert ssim.factor(height, width) == {383: 1, 385: 2, 641: 3}[height]
    got = jiqa.create_metric("ssim")(image, ref)
    np.testing.assert_allclose(got, naive.ssim(image, ref), rtol=2e-5)


def test_padding_changes_no_score_of_shrunk_photographs():
    pairs = [_large(641, 645), _large(650, 701), _large(641, 702)]
    got = jiqa.create_metric("ssim")(*map(list, zip(*pairs, strict=True)))
    np.testing.assert_allclose(got, [naive.ssim(*pair) for pair in pairs], rtol=2e-5)


def test_sides_that_are_odd_at_every_scale():
    metric = jiqa.create_metric("ms_ssim")
    pairs = [
        [x[:h, :w] for x in photos.recipe("chelsea/noise")] for h, w in ((191, 181), (177, 183))
    ]
    expected = [naive.ms_ssim(*pair) for pair in pairs]
    np.testing.assert_allclose(metric(*map(list, zip(*pairs, strict=True))), expected, rtol=2e-5)
    metric = jiqa.create_metric("ms_ssim.pyiqa")
    expected = [naive.ms_ssim_pyiqa(*pair) for pair in pairs]
    np.testing.assert_allclose(metric(*map(list, zip(*pairs, strict=True))), expected, rtol=2e-5)


def test_matlabs_ssim_is_that_of_scipy_and_scikit_image():
    pairs = [
        [x[:h, :w] for x in photos.recipe("coffee/noise")] for h, w in ((141, 181), (150, 160))
    ]
    got = jiqa.create_metric("ssim.matlab")(*map(list, zip(*pairs, strict=True)))
    expected = [naive.ssim_matlab(*pair) for pair in pairs]
    np.testing.assert_allclose(got, expected, rtol=2e-5)
    how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    for image, ref in pairs:
        x, y = naive.grey(image), naive.grey(ref)
        _, whole = metrics.structural_similarity(x, y, data_range=255, full=True, **how)
        inside = naive.maps(x, y, naive.valid)[0]
        np.testing.assert_allclose(whole[5:-5, 5:-5], inside, atol=1e-9)


def test_matlabs_ssim_takes_a_pixel_by_hand():
    """Means are the pixels, variances 0: (2 a b + C1) / (a^2 + b^2 + C1)."""
    got = jiqa.create_metric("ssim.matlab")(
        np.full((1, 1), 100, np.uint8), np.full((1, 1), 50, np.uint8)
    )
    np.testing.assert_allclose(got, (2 * 100 * 50 + 6.5025) / (100**2 + 50**2 + 6.5025), rtol=3e-5)


def test_a_negative_mean_counts_as_none():
    ref = np.zeros((176, 176), np.uint8)
    ref[::2] = 255
    assert jiqa.create_metric("ms_ssim")(255 - ref, ref) == 0


def test_map_has_the_photographs_size():
    image, ref = photos.recipe("astronaut/blur")
    got = ssim.ssim_map(*check.images(image, ref))
    assert got.shape == (1, *image.shape[:2])
    x, y = image @ naive.GREY, ref @ naive.GREY
    mirrored = functools.partial(ndimage.correlate, weights=naive.gaussian(), mode="mirror")
    np.testing.assert_allclose(got[0], naive.maps(x, y, mirrored)[0], atol=2e-4)


def test_map_of_equal_images_is_one():
    image = jnp.asarray(np.random.default_rng(0).uniform(size=(2, 6, 9, 3)), jnp.float32)
    np.testing.assert_allclose(ssim.ssim_map(image, image), 1, atol=1e-6)
