"""pocket: stated photographs and scores, the same in every run."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from scipy import signal

from jiqa import images
from jiqa.data.distort import FAMILIES
from jiqa.databases.prepare import prepare
from jiqa.errors import InputError
from jiqa.tfds_builders import testing
from jiqa.tfds_builders.pocket import pocket_dataset_builder as pocket

SMALLEST = tuple(p for p in pocket.PHOTOGRAPHS if p.name in ("chelsea", "china"))
BUILD = """
import sys
from jiqa.databases.prepare import prepare
from jiqa.tfds_builders.pocket import pocket_dataset_builder as pocket
pocket.PHOTOGRAPHS = tuple(p for p in pocket.PHOTOGRAPHS if p.name in ("chelsea", "china"))
prepare("pocket", data_dir=sys.argv[1])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A database of two photographs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pocket, "PHOTOGRAPHS", SMALLEST)
        return prepare("pocket", data_dir=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def splits(folder):
    return testing.read_database(folder, {"distorted": 2 * 5 * 5 * 9, "reference": 2 * 9})


def test_every_photograph_has_a_licence_and_has_shed_its_jpeg():
    assert len({photograph.name for photograph in pocket.PHOTOGRAPHS}) == 8
    for photograph in pocket.PHOTOGRAPHS:
        pixels = photograph.pixels()
        assert pixels.dtype == np.uint8
        assert min(pixels.shape[:2]) >= pocket.SIDE
        assert photograph.rights.startswith(("CC0, ", "CC BY 2.0, ", "public domain, "))
        assert photograph.rights in pocket.FACTS.terms
        assert photograph.halved or photograph.file.endswith(".png")
    china = next(p for p in pocket.PHOTOGRAPHS if p.name == "china").pixels()
    assert china.shape == (427 // 2 + 1, 640 // 2, 3)


def test_missing_package_is_named():
    photograph = pocket.Photograph("none", "no_such_package", "none.png", "CC0, nobody")
    with pytest.raises(InputError, match=r"no_such_package: expected a package with none\.png"):
        photograph.pixels()


def test_every_type_and_level_of_every_crop_is_there(splits):
    rows = splits["distorted"]
    assert {row["content_id"] for row in rows} == {"chelsea", "china"}
    assert {row["distortion"] for row in rows} == set(FAMILIES["pocket"])
    assert {row["level"] for row in rows} == {1, 2, 3, 4, 5}
    references = {row["id"]: row["content_id"] for row in splits["reference"]}
    for row in rows:
        assert references[row["reference"]] == row["content_id"]
        assert np.isnan(row["pseudo_mos_std"])
        assert Image.open(io.BytesIO(row["image"])).size == (128, 128)


def test_score_is_named_pseudo_and_falls_with_the_level(folder, splits):
    facts = testing.tfds.builder_from_directory(folder).info.metadata
    assert (facts["score"], facts["higher_better"], facts["sample"]) == ("pseudo_mos", True, False)
    assert "GMSD" in facts["pseudo"]
    for name in FAMILIES["pocket"]:
        means = [
            np.mean(
                [
                    row["pseudo_mos"]
                    for row in splits["distorted"]
                    if (row["distortion"], row["level"]) == (name, level)
                ]
            )
            for level in range(1, 6)
        ]
        assert np.all(np.diff(means) < -0.04), name
        assert means[0] > 0.9, name
        assert means[-1] < 0.7, name


def test_score_is_one_minus_twice_the_gmsd_of_the_paper(splits):
    """Scores match a convolution with the paper's kernels, except at a crop's border."""
    references = {row["id"]: images.decode(row["image"]) for row in splits["reference"]}
    kernel = np.array([[1, 0, -1]] * 3) / 3

    def magnitude(image):
        grey = image @ [0.299, 0.587, 0.114]
        half = signal.convolve2d(grey, np.full((2, 2), 1 / 4), "valid")[::2, ::2]
        across = signal.convolve2d(half, kernel, "valid")
        down = signal.convolve2d(half, kernel.T, "valid")
        return np.sqrt(across**2 + down**2)

    for row in splits["distorted"][::25]:
        one, other = magnitude(references[row["reference"]]), magnitude(images.decode(row["image"]))
        similarity = (2 * one * other + 170) / (one**2 + other**2 + 170)
        assert row["pseudo_mos"] == pytest.approx(1 - 2 * np.std(similarity), abs=0.02)


def test_similarity_of_an_image_to_itself_is_one():
    image = np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)
    gradient = pocket.gradient_magnitude(image)
    assert gradient.shape == (4, 4)
    np.testing.assert_array_equal(pocket.gradient_similarity(gradient, gradient), 1)


def test_gradient_of_a_ramp():
    """Luminance rises by 2 per column, so by 4 at half the size; Prewitt / 3 spans two pixels."""
    ramp = np.repeat(np.arange(0, 40, 2, dtype=np.uint8)[None, :, None], 12, 0).repeat(3, 2)
    np.testing.assert_allclose(pocket.gradient_magnitude(ramp)[1:-1, 1:-1], 8)


def test_crops_reach_every_side():
    corners = pocket.corners(np.zeros((201, 401, 3)))
    assert corners == [(top, left) for top in (0, 36, 72) for left in (0, 136, 272)]


def test_same_records_in_another_process_with_another_hash_seed(splits, tmp_path):
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", BUILD, tmp_path], env=environment, check=True)
    counts = {split: len(rows) for split, rows in splits.items()}
    again = testing.read_database(tmp_path / "pocket" / "1.0.0", counts)
    np.testing.assert_equal(again, splits)
