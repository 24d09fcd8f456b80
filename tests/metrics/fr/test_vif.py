import functools

import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest
from metrics.fr import naive_vif as naive
from scipy.signal import convolve2d

import jiqa
from jiqa.metrics.fr import vif


@functools.cache
def _images():
    """Whole levels [3, h, w] and their originals: noise, more contrast, flat beside flat."""
    image, ref = (x[:91, :103, 1].astype(float) for x in photos.recipe("astronaut/noise"))
    flat = np.full_like(ref, 128)
    more, less = (np.round(128 + contrast * (ref - 128)) for contrast in (0.9, 0.7))
    return np.stack([image, more, flat]), np.stack([ref, less, flat])


def _scores(function):
    colours = [np.repeat(x[..., None], 3, -1) / 255 for x in _images()]
    return np.asarray(jax.jit(function)(*(jnp.asarray(x, jnp.float32) for x in colours)))


def test_wavelet_scores_are_those_of_loops():
    scores = _scores(vif.vif)
    expected = [naive.score(*pair) for pair in zip(*(x[:2] for x in _images()), strict=True)]
    np.testing.assert_allclose(scores, [*expected, 1], rtol=2e-5)
    assert scores[1] > 1.05  # more contrast than the original has


def test_wavelet_score_of_grey_is_pyiqas():
    # pyiqa 0.1.16 on the green channel as grey; 2e-4, since float64 loops give 0.3707341 for the
    # second: its own error is 1.3e-4.
    expected = {
        "coffee/blur": 0.4520924,
        "chelsea/noise": 0.3707828,
        "coffee/brightness": 0.8707216,
    }
    pairs = [photos.recipe(name) for name in expected]
    images = [np.stack(x)[..., 1:2] for x in zip(*pairs, strict=True)]
    got = jiqa.create_metric("vif")(*images)
    np.testing.assert_allclose(got, [*expected.values()], rtol=2e-4)


def test_filters_pass_what_they_are_for():
    ramp = np.arange(7.0)
    assert vif.LOWPASS_0.sum() == pytest.approx(1, abs=2e-2)
    assert vif.LOWPASS.sum() == pytest.approx(2, abs=2e-2)
    assert abs(vif.EDGES.sum()) < 1e-12
    assert abs((vif.EDGES * ramp[:, None]).sum()) < 1e-12
    assert abs((vif.EDGES * ramp).sum()) > 0.1


def _pixel(image, ref):
    num = den = 0
    x, y = ref, image
    for taps in (17, 9, 5, 3):
        r = np.arange(taps) - taps // 2
        window = np.exp(-(r[:, None] ** 2 + r[None] ** 2) / (2 * (taps / 5) ** 2))
        window /= window.sum()

        def mean(m, window=window):
            return convolve2d(m, window, "valid")

        if taps < 17:
            x, y = mean(x)[::2, ::2], mean(y)[::2, ::2]
        xx, yy, xy = mean(x * x) - mean(x) ** 2, mean(y * y) - mean(y) ** 2, mean(x * y)
        xy -= mean(x) * mean(y)
        gain = np.maximum(xy / (xx + 1e-10), 0)
        noise = np.maximum(yy - gain * xy, 1e-10)
        num += np.log10(1 + gain**2 * xx / (noise + 2)).sum()
        den += np.log10(1 + xx / 2).sum()
    return num / den


def test_pixel_scores_are_those_of_conv2():
    expected = [_pixel(*pair) for pair in zip(*(x[:2] for x in _images()), strict=True)]
    np.testing.assert_allclose(_scores(vif.vifp), [*expected, 1], rtol=2e-5)
