"""Synthetic distortions: each has its strength, and bad input is refused."""

import io

import numpy as np
import pytest
from PIL import Image

from jiqa.data.distort import TYPES, distort
from jiqa.errors import InputError


@pytest.fixture(scope="module")
def image():
    """Smooth and sharp, dark and light: float32 [192, 256, 3]."""
    rows, columns = np.mgrid[:192, :256]
    waves = [np.sin(columns / 3), np.cos(rows / 5), np.sign(np.sin((rows + columns) / 7))]
    return (np.stack(waves, -1) * 0.4 + 0.5).astype(np.float32)


@pytest.mark.parametrize("name", TYPES)
def test_type(name, image):
    """In range, the same for the same seed, for uint8 too, and worse at every level."""
    distorted = [distort(image, name, level, seed=3) for level in range(1, 6)]
    for result in distorted:
        assert result.dtype == np.float32
        assert result.shape == image.shape
        assert 0 <= result.min() <= result.max() <= 1
    errors = [np.mean((result - image) ** 2) for result in distorted]
    assert np.all(np.diff([0, *errors]) > 0)
    np.testing.assert_array_equal(distort(image, name, 3, seed=3), distorted[2])
    stored = np.rint(image * 255).astype(np.uint8)
    as_float = stored.astype(np.float32) / 255
    np.testing.assert_array_equal(distort(stored, name, 3), distort(as_float, name, 3))


@pytest.mark.parametrize("name", ["white_noise", "impulse_noise"])
def test_seed_decides_the_noise(name, image):
    assert np.any(distort(image, name, 5, seed=0) != distort(image, name, 5, seed=1))


def test_gaussian_blur_has_its_deviation():
    point = np.zeros((65, 65, 3), np.float32)
    point[32, 32] = 1
    spread = distort(point, "gaussian_blur", 4)[..., 0].sum(0)
    assert spread.sum() == pytest.approx(1, abs=1e-5)
    assert np.sqrt(spread @ (np.arange(65) - 32.0) ** 2) == pytest.approx(3, rel=0.01)


def test_white_noise_has_its_variance():
    grey = np.full((200, 200, 3), 0.5, np.float32)
    assert distort(grey, "white_noise", 3).var() == pytest.approx(0.008, rel=0.02)


def test_impulse_noise_has_its_density():
    grey = np.full((200, 200, 3), 0.5, np.float32)
    noisy = distort(grey, "impulse_noise", 5)
    assert np.mean(noisy == 0) == pytest.approx(0.05, rel=0.05)
    assert np.mean(noisy == 1) == pytest.approx(0.05, rel=0.05)
    assert set(np.unique(noisy)) == {0, 0.5, 1}


def test_jpeg_is_the_codec_at_its_quality(image):
    stored = np.rint(image * 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(stored).save(stream, "JPEG", quality=30)
    np.testing.assert_allclose(distort(stored, "jpeg", 1), np.asarray(Image.open(stream)) / 255)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "rain"}, "distortion: found 'rain', expected one of gaussian_blur"),
        ({"level": 0}, "jpeg: found level 0, expected 1 to 5"),
        ({"level": 6}, "jpeg: found level 6"),
        ({"image": np.zeros((8, 8))}, r"image: found shape \(8, 8\)"),
        ({"image": np.zeros((0, 8, 3))}, r"image: found shape \(0, 8, 3\)"),
        ({"image": np.full((8, 8, 3), 255.0)}, r"image: found float64 in \[255.0, 255.0\]"),
        ({"image": np.full((8, 8, 3), np.nan)}, r"image: found float64 in \[nan, nan\]"),
        ({"image": np.zeros((8, 8, 3), np.int64)}, "image: found int64"),
    ],
)
def test_bad_input_is_named(change, message, image):
    with pytest.raises(InputError, match=message):
        distort(**({"image": image, "name": "jpeg", "level": 1} | change))
