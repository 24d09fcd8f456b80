import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest
from scipy.signal import convolve2d

from jiqa.metrics.fr import vsi
from jiqa.ops.resize import matrix

XYZ = [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
]


def _resize(x, height, width):
    rows, columns = (
        matrix(side, size, size / side, "bilinear")
        for side, size in zip(x.shape, (height, width), strict=True)
    )
    return rows @ x @ columns.T


def _saliency(rgb):
    """SDSP of [h, w, 3] in 0..1, as VSI's program computes it."""
    height, width, _ = rgb.shape
    small = np.stack([_resize(rgb[..., i], 256, 256) for i in range(3)], -1)
    linear = np.where(small <= 0.04045, small / 12.92, ((small + 0.055) / 1.055) ** 2.4)
    t = linear @ np.transpose(XYZ) / [0.9642, 1, 0.8251]
    fx, fy, fz = np.moveaxis(np.where(t > 0.008856, np.cbrt(t), (903.3 * t + 16) / 116), -1, 0)
    lab = [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)]
    u = (np.arange(1, 257) - 129) / 256
    radius = np.fft.ifftshift(np.hypot(u[None], u[:, None]))
    with np.errstate(divide="ignore"):
        band = np.exp(-(np.log(radius / 0.021) ** 2) / (2 * 1.34**2))
    band[(radius > 0.5) | (radius == 0)] = 0
    passed = sum(np.fft.ifft2(np.fft.fft2(c) * band).real ** 2 for c in lab)
    place = np.arange(1, 257) - 128
    central = np.exp(-(place[:, None] ** 2 + place[None] ** 2) / 145**2)
    a, b = ((c - c.min()) / np.ptp(c) for c in lab[1:])
    warm = 1 - np.exp(-(a**2 + b**2) / 0.001**2)
    out = _resize(np.sqrt(passed) * central * warm, height, width)
    return (out - out.min()) / np.ptp(out)


def _shrunk(x, f):
    """Every f-th of the means of f x f pixels, zero beyond, as MATLAB's conv2 'same' begins."""
    means = convolve2d(x, np.ones((f, f)) / f**2)[f // 2 :, f // 2 :]
    return means[: x.shape[0] : f, : x.shape[1] : f]


def _score(image, ref, f=1):
    lmn = np.array([[0.06, 0.63, 0.27], [0.30, 0.04, -0.35], [0.34, -0.60, 0.17]])

    def maps(x):
        luma, m, n = (_shrunk(c, f) for c in np.moveaxis(255 * x @ lmn.T, -1, 0))
        scharr = np.array([[3, 0, -3], [10, 0, -10], [3, 0, -3]]) / 16
        gradient = np.hypot(*(convolve2d(luma, d, "same") for d in (scharr, scharr.T)))
        return _shrunk(_saliency(x), f), gradient, m, n

    def similar(a, b, c):
        return (2 * a * b + c) / (a**2 + b**2 + c)

    (s1, g1, m1, n1), (s2, g2, m2, n2) = maps(ref), maps(image)
    chroma = (similar(m1, m2, 130) * similar(n1, n2, 130)).astype(complex) ** 0.02
    score = similar(s1, s2, 1.27) * similar(g1, g2, 386) ** 0.4 * chroma.real
    weight = np.maximum(s1, s2)
    return (score * weight).sum() / weight.sum()


@pytest.fixture(scope="module")
def pair():
    return [x[:120, :91] / 255 for x in photos.recipe("astronaut/noise")]


def test_saliency_is_the_programs(pair):
    got = jax.jit(vsi.saliency)(jnp.asarray(pair[1][None], jnp.float32))
    np.testing.assert_allclose(got[0], _saliency(pair[1]), atol=1e-4)


def test_score_is_the_programs(pair):
    got = jax.jit(vsi.vsi)(*(jnp.asarray(x[None], jnp.float32) for x in pair))
    np.testing.assert_allclose(got, [_score(*pair)], rtol=2e-5)


def test_large_images_are_shrunk_as_the_program_does_whatever_the_padding():
    sizes = np.array([[391, 447], [400, 384]], np.int32)
    whole = [np.tile(x, (3, 2, 1)) / 255 for x in photos.recipe("coffee/jpeg")]
    pairs = [[x[:height, :width] for x in whole] for height, width in sizes]
    images = np.random.default_rng(0).uniform(size=(2, 2, 447, 447, 3)).astype(np.float32)
    for i, pair in enumerate(pairs):
        for j, x in enumerate(pair):
            images[j, i, : len(x), : x.shape[1]] = x
    got = jax.jit(vsi.vsi)(*images, size=sizes)
    np.testing.assert_allclose(got, [_score(*pair, f=2) for pair in pairs], rtol=2e-5)
