import io

import numpy as np
import pytest
from PIL import Image

from jiqa import images

# Noise about a slope: no code is that of a flat block alone.
SLOPE = np.linspace(60, 190, 160)[:, None, None]
PHOTO = (SLOPE + np.random.default_rng(0).normal(scale=20, size=(160, 240, 3))).clip(0, 255)
PHOTO = PHOTO.astype(np.uint8)
WAYS = {
    "baseline": {"quality": 90},
    "progressive": {"quality": 90, "progressive": True},
    "optimised": {"quality": 90, "optimize": True},
    "restarts": {"quality": 90, "restart_marker_rows": 1},
}


def jpeg(pixels, **options):
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "JPEG", **options)
    return stored.getvalue()


@pytest.mark.parametrize("way", WAYS)
def test_a_hole_and_a_missing_half_are_told(way):
    data = jpeg(PHOTO, **WAYS[way])
    assert images.damage(data) == ""
    assert images.damage(data[: len(data) // 2] + b"\xff\xd9")
    first = data.index(b"\xff\xda") + 50
    for start in np.linspace(first, len(data) - 4200, 10).astype(int).tolist():
        assert images.damage(data[:start] + bytes(4096) + data[start + 4096 :]), start


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("level", [0, 3, 128, 255])
def test_flat_pictures_are_whole_though_zeros_are_many(way, level):
    flat = np.full((600, 600, 3), level, np.uint8)
    flat[300:, 300:460] = PHOTO[:160, :160].repeat(2, 0)[:300]
    assert images.damage(jpeg(flat, **WAYS[way])) == ""


def test_what_comes_into_step_again_is_told():
    """libjpeg warns of none of a part of small holes; zeros that no encoder writes are seen."""
    data = jpeg(PHOTO, quality=90)
    first = data.index(b"\xff\xda") + 50
    for start in np.linspace(first, len(data) - 300, 60).astype(int).tolist():
        assert images.damage(data[:start] + bytes(256) + data[start + 256 :]), start


def test_harmless_bytes_and_other_formats_are_no_damage():
    data = jpeg(PHOTO, quality=90)
    place = data.index(b"\xff\xdb")
    assert images.damage(data[:place] + b"\0\0\0" + data[place:]) == ""
    assert images.damage(data + b"trailer") == ""
    assert images.damage(b"") == ""
    png = io.BytesIO()
    Image.fromarray(PHOTO).save(png, "PNG")
    assert images.damage(png.getvalue()) == ""


def test_no_false_alarm_on_released_photographs(shared):
    files = sorted((shared / "data/biq2021_sample/Images").glob("*.jpg"))[::12]
    assert len(files) == 200
    assert [file.name for file in files if images.damage(file.read_bytes())] == []
    broken = [file.read_bytes() for file in files[:80]]
    missed = 0
    for data in broken:
        middle = (data.rindex(b"\xff\xda") + len(data)) // 2
        missed += not images.damage(data[: len(data) // 2] + b"\xff\xd9")
        missed += not images.damage(data[:middle] + bytes(4096) + data[middle + 4096 :])
    assert missed == 0
