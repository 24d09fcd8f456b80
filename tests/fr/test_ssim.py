import functools

import jax.numpy as jnp
import numpy as np
import photos
import pytest
from fr import naive_ssim as naive
from scipy import ndimage

import jiqa
from jiqa.fr import ssim
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
