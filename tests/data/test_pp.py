import numpy as np
import pytest
from PIL import Image

from jiqa.data import transforms

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 37, 3), np.uint8)


def test_resize_is_antialiased_and_bilinear():
    # Halved, the triangle filter spans four pixels: at both ends it weighs 3, 3, 1 (over 7).
    row = np.array([0, 100, 200, 40], np.uint8)
    image = np.broadcast_to(row[None, :, None], (4, 4, 3))
    expected = [round((3 * 0 + 3 * 100 + 1 * 200) / 7), round((1 * 100 + 3 * 200 + 3 * 40) / 7)]
    assert transforms.resize(np.ascontiguousarray(image), (4, 2))[2, :, 1].tolist() == expected


@pytest.mark.parametrize("shape", [(10, 20), (48, 50), (24, 37)])
def test_resize_is_pillows(shape):
    expected = Image.fromarray(PIXELS).resize(shape[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(transforms.resize(PIXELS, shape), np.asarray(expected))


def test_crop_and_flip():
    image = np.arange(4 * 5).reshape(4, 5, 1)
    assert transforms.crop(image, 1, 2, 2)[..., 0].tolist() == [[7, 8], [12, 13]]
    assert transforms.flip(image)[1, :, 0].tolist() == [9, 8, 7, 6, 5]
