import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest
from scipy.signal import convolve2d

from jiqa.metrics.fr import fsim


def _congruency(grey):
    """Phase congruency [h, w] as FSIM's program computes it, filter by filter, in float64."""
    rows, columns = grey.shape

    def axis(n):
        return np.arange(-(n // 2), n - n // 2) / (n - n % 2)

    x, y = np.meshgrid(axis(columns), axis(rows))
    x, y = np.fft.ifftshift(x), np.fft.ifftshift(y)
    radius = np.hypot(x, y)
    lowpass = 1 / (1 + (radius / 0.45) ** 30)
    radius[0, 0] = 1
    spectrum = np.fft.fft2(grey)
    energies = amplitudes = 0
    for o in range(4):
        angle = o * np.pi / 4
        theta = np.arctan2(-y, x)
        sine = np.sin(theta) * np.cos(angle) - np.cos(theta) * np.sin(angle)
        cosine = np.cos(theta) * np.cos(angle) + np.sin(theta) * np.sin(angle)
        spread = np.exp(-(np.arctan2(sine, cosine) ** 2) / (2 * (np.pi / 4 / 1.2) ** 2))
        responses, impulses, power = [], [], None
        for scale in range(4):
            radial = np.exp(-(np.log(radius * 6 * 2**scale) ** 2) / (2 * np.log(0.55) ** 2))
            radial[0, 0] = 0
            bank = radial * lowpass * spread
            power = (bank**2).sum() if power is None else power
            responses.append(np.fft.ifft2(spectrum * bank))
            impulses.append(np.fft.ifft2(bank).real * np.sqrt(rows * columns))
        even, odd = sum(r.real for r in responses), sum(r.imag for r in responses)
        size = np.hypot(even, odd) + 1e-4
        even, odd = even / size, odd / size
        energy = sum(
            r.real * even + r.imag * odd - np.abs(r.real * odd - r.imag * even) for r in responses
        )
        noise = np.median(np.abs(responses[0]) ** 2) / np.log(2) / power
        squares = sum((i**2).sum() for i in impulses)
        products = sum((impulses[i] * impulses[j]).sum() for i in range(4) for j in range(i + 1, 4))
        tau = np.sqrt((2 * noise * squares + 4 * noise * products) / 2)
        threshold = (tau * np.sqrt(np.pi / 2) + 2 * np.sqrt((2 - np.pi / 2) * tau**2)) / 1.7
        energies = energies + np.maximum(energy - threshold, 0)
        amplitudes = amplitudes + sum(map(np.abs, responses))
    return energies / amplitudes


def _score(image, ref, f, chroma=True):
    """FSIMc of [h, w, 3] in 0..255, or FSIM."""
    yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])

    def channels(x):
        before = (f - 1) // 2
        x = np.pad(x @ yiq.T, ((before, f), (before, f), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (f, f), (0, 1))
        small = windows.mean((-2, -1))[: len(image) : f, : image.shape[1] : f]
        scharr = np.array([[3, 0, -3], [10, 0, -10], [3, 0, -3]]) / 16
        gradient = np.hypot(*(convolve2d(small[..., 0], d, "same") for d in (scharr, scharr.T)))
        return _congruency(small[..., 0]), gradient, small[..., 1], small[..., 2]

    def similar(a, b, c):
        return (2 * a * b + c) / (a**2 + b**2 + c)

    (p1, g1, i1, q1), (p2, g2, i2, q2) = channels(ref), channels(image)
    score = similar(p1, p2, 0.85) * similar(g1, g2, 160)
    if chroma:
        score *= ((similar(i1, i2, 200) * similar(q1, q2, 200)).astype(complex) ** 0.03).real
    weight = np.maximum(p1, p2)
    return (score * weight).sum() / weight.sum()


def test_phase_congruency_is_the_programs():
    grey = photos.photo("coffee")[:48, :61, 1].astype(float)
    got = jax.jit(fsim.phase_congruency)(jnp.asarray(grey[None], jnp.float32))
    np.testing.assert_allclose(got[0], _congruency(grey), atol=1e-4)


def test_large_images_are_shrunk_first():
    ref = np.tile(photos.photo("coffee"), (3, 2, 1))[:401, :387]
    image = photos.noise(ref)
    pair = [jnp.asarray(x[None], jnp.float32) / 255 for x in (image, ref)]
    got = jax.jit(lambda a, b: fsim.fsim(a, b, chroma=True))(*pair)
    np.testing.assert_allclose(got, [_score(image.astype(float), ref.astype(float), 2)], rtol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_median_is_numpys_with_ties_and_zeros(n):
    x = np.random.default_rng(n).integers(0, 4, (5, n)).astype(np.float32) * 0.3
    x = np.concatenate([x, np.zeros((1, n), np.float32), np.full((1, n), 1e30, np.float32)])
    np.testing.assert_allclose(jax.jit(fsim._median)(jnp.asarray(x)), np.median(x, 1), rtol=1e-6)


@pytest.mark.parametrize("x", [[[3.0, 1, 9]], [[3.0, 1, 9, 4]]])
def test_gradient_of_the_median_is_at_the_middle(x):
    gradient = jax.grad(lambda x: fsim._median(x).sum())(jnp.asarray(x))
    expected = [[1, 0, 0]] if len(x[0]) == 3 else [[0.5, 0, 0, 0.5]]
    np.testing.assert_allclose(gradient, expected)
