"""BWS's stages against SciPy's Weibull distribution and DCT, block by block."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest
from metrics.nr import naive
from scipy import fft, optimize, special, stats

from jiqa.metrics.nr import bws
from jiqa.metrics.nr.features import Features

LOW, MIDDLE, HIGH = range(1, 3), range(3, 5), range(5, 9)
# The three orientations of BLIINDS-II: wide, diagonal, tall.
WIDE = {(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 4)}


def _entropy(magnitudes):
    """Fitted by moments: the shape by a search, the scale by the mean, the entropy by SciPy."""
    magnitudes = np.asarray(magnitudes)
    mean, square = magnitudes.mean(), np.mean(magnitudes**2)

    def off(shape):
        gamma = special.gamma
        return gamma(1 + 1 / shape) ** 2 / gamma(1 + 2 / shape) - mean**2 / square

    shape = 0.2 if square == 0 else 10 if off(10) < 0 else optimize.brentq(off, 0.2, 10)
    scale = (mean + 0.1) / special.gamma(1 + 1 / shape)
    return float(stats.weibull_min.entropy(shape, scale=scale))


def _blocks(x):
    height, width = (-(-side // 3) for side in x.shape)
    padded = np.zeros((3 * height + 2, 3 * width + 2))
    padded[1 : 1 + x.shape[0], 1 : 1 + x.shape[1]] = x
    for i in range(0, 3 * height, 3):
        for j in range(0, 3 * width, 3):
            found = np.abs(fft.dctn(padded[i : i + 5, j : j + 5], norm="ortho"))
            yield np.where(found < 1e-9, 0, found)


def _features(image):
    x, out = naive.grey(image), []
    for _ in range(3):
        rows = []
        for block in _blocks(x):
            at = {(i, j): block[i, j] for i in range(5) for j in range(5) if i + j}
            every = list(at.values())
            bands = [
                _entropy([v for (i, j), v in at.items() if i + j in band])
                for band in (LOW, MIDDLE, HIGH)
            ]
            tall = {(j, i) for i, j in WIDE}
            parts = (WIDE, set(at) - WIDE - tall, tall)
            turned = [_entropy([at[place] for place in part]) for part in parts]
            rows.append(
                [
                    _entropy(every),
                    np.std(every) / np.mean(every) if np.any(every) else 0,
                    np.abs(np.diff(bands)).sum() / 2,
                    np.std(turned),
                ]
            )
        values = np.sort(rows, 0)
        tenth = -(-len(values) // 10)
        for column in range(4):
            ends = values[:tenth] if column == 0 else values[-tenth:]
            out += [values[:, column].mean(), ends[:, column].mean()]
        x = naive.halve(x)
    return np.array(out)


@functools.cache
def _compiled():
    return jax.jit(lambda image: Features("bws")(image.astype(jnp.float32) / 255, {}))


def _images(*names):
    return np.stack([photos.recipe(name)[0][60:84, 80:120] for name in names])


def test_features():
    images = _images("coffee/jpeg", "chelsea/noise")
    got = _compiled()(images)
    assert got.shape == (2, 24)
    # A shape of 0.3, in steps of 0.001, is an entropy in steps of 0.01.
    np.testing.assert_allclose(got, [_features(image) for image in images], rtol=1e-3, atol=4e-3)


def test_the_entropy_of_a_known_sample():
    size = stats.weibull_min(0.8, scale=20).rvs(25, random_state=0)
    got = bws.entropy(jnp.asarray(size[None, None], jnp.float32), np.ones((5, 5), bool))
    assert float(got[0, 0]) == pytest.approx(_entropy(size), abs=2e-3)


def test_blur_has_less_entropy_and_noise_more():
    blur, original = _compiled()(_images("coffee/blur", "coffee/none"))[:, 0]
    _, noise = _compiled()(_images("coffee/none", "coffee/noise"))[:, 0]
    assert blur < original < noise


def test_a_flat_image_has_features():
    got = _compiled()(np.full((2, 24, 40, 3), 255, np.uint8))
    assert np.isfinite(got).all()
