"""DIIVINE's stages against plain NumPy in float64, its pyramid against pyrtools."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest
from metrics.nr import naive
from scipy import ndimage

from jiqa.errors import InputError
from jiqa.metrics.nr import diivine
from jiqa.metrics.nr.features import Features

# pyrtools 1.1.1, SteerablePyramidFreq(naive.grey(coffee/jpeg), height=2, order=5): deviation of
# the high-pass residual and the bands, and their values at row 20, column 31. A coarser band is
# four times as high there.
RESIDUAL = (4.055514, 1.731535)
DEVIATIONS = [
    [3.244445, 3.184709, 3.297995, 4.37048, 3.191843, 3.034974],
    [18.917132, 20.416151, 20.307659, 26.305052, 20.677086, 19.035156],
]
VALUES = [
    [1.506784, 0.22235, -0.601731, -0.227085, 0.017426, -0.767219],
    [0.443089, 3.202986, 5.38217, 1.154402, 2.006855, 1.758639],
]


def _grey(name):
    return naive.grey(photos.recipe(name)[0])


def _bands(x):
    """float64: residual [h, w], bands [6, h, w] of both scales, by the full complex spectrum."""
    height, width = x.shape
    bands = np.zeros((2, 6, height, width))
    fy, fx = np.meshgrid(np.fft.fftfreq(height) * 2, np.fft.fftfreq(width) * 2, indexing="ij")
    radius, angle = np.hypot(fx, fy), np.arctan2(fy, fx)

    def rise(r, top):
        octaves = np.log2(np.maximum(r, 1e-9) / top)
        return np.sin(np.pi / 2 * (np.minimum(np.maximum(octaves, -1), 0) + 1))

    spectrum = np.fft.fft2(x)
    residual = np.fft.ifft2(spectrum * rise(radius, 1)).real
    for scale, top in enumerate((1, 1 / 2)):
        ring = np.sqrt(1 - rise(radius, top) ** 2) * rise(radius, top / 2)
        fans = [np.cos(angle - np.pi * k / 6) ** 5 for k in range(6)]
        norm = np.sqrt(sum(fan**2 for fan in fans))
        for k in range(6):
            bands[scale, k] = np.fft.ifft2(spectrum * ring * fans[k] / norm * (-1j) ** 5).real
    return residual, bands[0], bands[1]


def _normalised(bands, parents=None):
    out = []
    for k, band in enumerate(bands):
        near = [np.roll(band, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        near += [other for n, other in enumerate(bands) if n != k]
        near += [] if parents is None else [parents[k]]
        y = np.array(near).reshape(len(near), -1)
        covariance = y @ y.T / y.shape[1]
        z = np.einsum("im,ij,jm->m", y, np.linalg.inv(covariance), y) / len(y)
        out.append(band / np.sqrt(z.reshape(band.shape)))
    return np.array(out)


def _correlation(x, y):
    def mean(m):
        return ndimage.correlate(m, naive.window(15, 1.5))[7:-7, 7:-7]

    covariance = mean(x * y) - mean(x) * mean(y)
    variances = mean(x * x) - mean(x) ** 2 + mean(y * y) - mean(y) ** 2
    return np.mean((2 * covariance + 58.5225) / (variances + 58.5225))


def _spatial(x):
    away = x - x.mean()
    rho = []
    for tau in range(1, 26):
        ring = [
            (i, j)
            for i in range(-tau, tau + 1)
            for j in range(-tau, tau + 1)
            if max(abs(i), abs(j)) == tau
        ]
        found = [np.mean(away * np.roll(away, shift, (0, 1))) for shift in ring]
        rho.append(np.mean(found) / np.mean(away**2))
    tau = np.arange(1, 26)
    cubic = np.polyfit(tau, rho, 3)
    return [*cubic, np.linalg.norm(np.polyval(cubic, tau) - rho)]


def _features(image):
    x = naive.grey(image)
    x = x[: len(x) // 2 * 2, : x.shape[1] // 2 * 2]
    high, fine, full = _bands(x)
    scales = [_normalised(fine, full), _normalised(full[:, ::2, ::2])]
    fits = [naive.ggd(band) for bands in scales for band in bands]
    out = [variance for _, variance in fits] + [shape for shape, _ in fits]
    for k in range(6):
        out.append(naive.ggd(np.concatenate([bands[k].ravel() for bands in scales]))[0])
    out.append(naive.ggd(np.concatenate([bands.ravel() for bands in scales]))[0])
    out += [_correlation(high, band) for band in (*fine, *full)]
    for band in scales[0]:
        out += _spatial(band)
    pairs = itertools.combinations(scales[1], 2)
    return np.array(out + [_correlation(a, b) for a, b in pairs])


@pytest.fixture(scope="module")
def compiled():
    return jax.jit(diivine.features)


def _apply(function, images):
    return np.asarray(function(jnp.asarray(images, jnp.float32) / 255))


def test_the_pyramid_is_simoncelli_s():
    high, fine, full = diivine.pyramid(jnp.asarray(_grey("coffee/jpeg")[None], jnp.float32))
    np.testing.assert_allclose([high.std(), high[0, 20, 31]], RESIDUAL, rtol=1e-4)
    for bands, deviations, values in zip(
        (fine, 4 * full[:, :, ::2, ::2]), DEVIATIONS, VALUES, strict=True
    ):
        np.testing.assert_allclose(bands[0].std((1, 2)), deviations, rtol=1e-4)
        np.testing.assert_allclose(bands[0, :, 20, 31], values, rtol=1e-4, atol=1e-4)


def test_all_energy_is_in_one_band_or_another():
    # White noise without what lies below the second scale.
    rng = np.random.default_rng(0)
    spectrum = np.fft.fft2(rng.normal(size=(64, 80)))
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(80)[None])
    x = np.fft.ifft2(spectrum * (frequency >= 1 / 4)).real
    parts = diivine.pyramid(jnp.asarray(x[None], jnp.float32))
    energy = sum(float((part**2).sum()) for part in parts)
    assert energy == pytest.approx(np.sum(x**2), rel=1e-5)


def test_features(compiled):
    names = ("coffee/jpeg", "chelsea/noise")
    images = np.stack([photos.recipe(name)[0][:101, :120] for name in names])
    got = _apply(compiled, images)
    expected = np.stack([_features(image) for image in images])
    assert got.shape == (2, 88)
    shapes = slice(12, 31)  # entries of a table, 0.001 apart
    assert np.abs(got - expected)[:, shapes].max() < 1.01e-3
    np.testing.assert_allclose(
        np.delete(got, shapes, 1), np.delete(expected, shapes, 1), rtol=1e-3, atol=1e-6
    )


def test_images_without_texture_have_features(compiled):
    images = np.full((2, 101, 120, 3), 255, np.uint8)
    images[1, :, :60] = 0
    assert np.isfinite(_apply(compiled, images)).all()


def test_small_images_are_refused():
    with pytest.raises(InputError, match=r"^diivine: found 63x64 pixels, expected 64 or more"):
        Features("diivine")(jnp.zeros((1, 63, 64, 3)), {})
