"""Images are recognised whatever they are called: by pixels, and by looks that survive handling."""

import csv
import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image
from scipy import fft

from jiqa import images
from jiqa.data import looks


def stack(images):
    return np.stack([looks.hash_looks(np.ascontiguousarray(image)) for image in images])


@pytest.fixture(scope="module")
def noise():
    """Smooth noise, uint8 [64, 96, 3]."""
    small = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((96, 64), Image.Resampling.BICUBIC))


def test_looks_are_the_signs_of_the_lowest_frequencies(noise):
    """By SciPy's DCT of means over 2 x 3 pixels of the green."""
    mean = noise[..., 1].reshape(32, 2, 32, 3).mean((1, 3))
    frequencies = fft.dctn(mean)[:16, :16]
    lowest = sorted(np.ndindex(16, 16), key=lambda at: (max(at), at))
    expected = np.array([frequencies[at] > 0 for at in lowest])
    expected[0] = False
    found = np.unpackbits(looks.hash_looks(noise)).astype(bool)
    clear = [abs(frequencies[at]) > 64 for at in lowest]  # beyond what rounding means can do
    assert sum(clear) > 200
    np.testing.assert_array_equal(found[clear], expected[clear])


def test_orientations_are_the_looks_of_the_turned_image(noise):
    turned = [np.rot90(image, turn) for image in (noise, noise[:, ::-1]) for turn in range(4)]
    expected = stack(turned).view(np.uint64)
    found = looks.orientations(stack([noise]))[:, 0].view(np.uint64)
    distances = np.bitwise_count(expected[:, None] ^ found[None]).sum(-1)
    assert sorted(distances.argmin(1)) == list(range(8))
    assert distances.min(1).max() <= 4  # means over oblong cells are rounded in another order


def test_flat_images_look_like_nothing():
    flat = stack([np.full((20, 20, 3), grey, np.uint8) for grey in (0, 7, 255)])
    assert not flat.any()
    assert not len(looks.alike(flat))


def test_pixels_are_told_apart_by_value_and_by_shape(noise):
    changed = noise.copy()
    changed[3, 4, 2] ^= 1
    hashes = [looks.hash_pixels(each) for each in (noise, changed, noise.reshape(96, 64, 3))]
    assert len({each.tobytes() for each in hashes}) == 3
    np.testing.assert_array_equal(looks.hash_pixels(noise[:, ::-1][:, ::-1]), hashes[0])


def jpeg(image, quality):
    stored = io.BytesIO()
    Image.fromarray(image).save(stored, "JPEG", quality=quality)
    return np.asarray(Image.open(stored))


def half(image):
    return np.asarray(Image.fromarray(image).reduce(2))


HANDLED = {
    "mirrored": lambda image: image[:, ::-1],
    "turned": np.rot90,
    "cropped by 2": lambda image: image[2:-2, 2:-2],
    "halved": half,
    "jpeg 90": lambda image: jpeg(image, 90),
    "jpeg 30": lambda image: jpeg(image, 30),
    "brighter": lambda image: np.clip(image * 1.1, 0, 255).astype(np.uint8),
    "all of it": lambda image: jpeg(half(np.ascontiguousarray(image[2:-2, 2:-2][:, ::-1])), 30),
}


@pytest.fixture(scope="module")
def photographs(shared):
    """Kodak's 24, and CID22's 60."""
    paths = [
        path
        for name in ("kodak", "pristine_cid22")
        for path in images.listed(shared / "data" / name).photographs
    ]
    return [images.decode(path.read_bytes()) for path in paths]


def test_every_handled_photograph_is_known_and_no_other(photographs):
    known = stack(photographs)
    assert len(known) == 84
    assert not len(looks.alike(known))
    for name, handle in HANDLED.items():
        found = looks.alike(known, stack([handle(image) for image in photographs]))
        assert found[:, :2].tolist() == [[i, i] for i in range(len(known))], name


# Test and training images of shared data/biq2021_sample that are one photograph stored twice:
# luma PSNR of 32 to 46 dB.
TWINS = {
    "ss01 (1021)": "ss01 (742)",
    "ss01 (798)": "ss01 (1037)",
    "ss03 (2216)": "ss03 (3687)",
    "ss03 (3546)": "ss03 (7631)",
    "ss03 (5704)": "ss03 (7509)",
    "ss03 (7199)": "ss03 (5652)",
    "ss03 (7263)": "ss03 (5675)",
    "ss03 (7339)": "ss03 (941)",
}
# Two shots of one scene, one after the other.
SHOTS = {
    ("ss01 (1885)", "ss01 (1884)"),
    ("ss01 (1760)", "ss01 (1761)"),
    ("ss01 (383)", "ss01 (384)"),
    ("ss01 (383)", "ss01 (377)"),
    ("ss01 (623)", "ss01 (622)"),
    ("ss01 (1494)", "ss01 (1491)"),
}


def test_the_near_twins_of_biq2021_are_found_and_nothing_else(shared):
    folder = shared / "data" / "biq2021_sample"

    def names(table):
        with (folder / table).open(encoding="utf-8-sig") as file:
            return [row["Image Name"] for row in csv.DictReader(file)]

    files = {path.name.lower(): path for path in (folder / "Images").iterdir()}

    def hashes(listed):
        stored = (files[name.lower()].read_bytes() for name in listed)
        return stack(simplejpeg.decode_jpeg(each, "RGB") for each in stored)

    test, train = (names(f"{part} (Images and MOS).csv") for part in ("Test", "Train"))
    found = looks.alike(hashes(test), hashes(train))
    pairs = {
        (test[i].rpartition(".")[0], train[j].rpartition(".")[0]): distance
        for i, j, distance in found.tolist()
    }
    assert {pair for pair, distance in pairs.items() if distance <= 8} == set(TWINS.items())
    assert {pair for pair, distance in pairs.items() if distance > 8} == SHOTS
