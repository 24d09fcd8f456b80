"""The auxiliary domain: pictures are made once, and the database describes them."""

import hashlib
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fits import fit
from PIL import Image
from skimage.metrics import structural_similarity

from jiqa import models
from jiqa.data.distort import distort
from jiqa.data.pipeline import source
from jiqa.data.sampling import View
from jiqa.databases import photographs
from jiqa.errors import InputError
from jiqa.models.dt_gan import DTGAN
from jiqa.tasks import hallucinate as auxiliary
from jiqa.tasks.hallucinate import HallucinateConfig, SimulateConfig
from jiqa.train.dataset import Dataset

GAN = models.build("dt_gan", width=1, blocks=1)


@pytest.fixture(scope="module")
def learned():
    """Variables of two generators, as the task `gan` returns them."""
    image = jnp.zeros((1, 32, 32, 3))
    found = {}
    for level in (0, 2):
        params = jax.jit(GAN.init)(jax.random.key(level), image)["params"]
        found[f"blur-{level}"] = {"params": jax.device_get(params), "step": 7 + level}
    return found


@pytest.fixture
def data(tmp_path):
    """Dataset of two photographs of 40 x 48 pixels."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for seed, name in enumerate(("a", "b")):
        smooth = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
        big = Image.fromarray(smooth).resize((48, 40), Image.Resampling.BICUBIC)
        big.save(folder / f"{name}.png")
    found = photographs.load(str(folder))
    blocks = source(found.index, found.files, View(None, 32, 1), resident_mb=1, workers=0)
    return Dataset(found.index, types.SimpleNamespace(pristine=blocks))


def hallucinate(data, learned, folder, side=0):
    return fit(
        auxiliary.Hallucinate(), GAN, learned, data, None, HallucinateConfig(side), folder, None
    )


def test_every_photograph_is_shown_to_every_generator(data, learned, tmp_path):
    made = hallucinate(data, learned, tmp_path)
    assert made.facts["images"] == 4
    index, records = auxiliary.database(made.facts["database"])
    assert index.id.tolist() == ["a blur-0", "a blur-2", "b blur-0", "b blur-2"]
    assert index.content_id.tolist() == ["a", "a", "b", "b"]
    assert index.level.tolist() == [0, 2, 0, 2]
    assert index.quality.tolist() == [1, 0, 1, 0]
    assert set(index.distortion) == {"blur"}
    stored = records.row(3)
    assert (stored["made_by"], stored["step"]) == (b"blur-2", 9)
    digest = hashlib.sha256()
    for path, leaf in jax.tree.leaves_with_path(learned["blur-2"]["params"]):
        digest.update(jax.tree_util.keystr(path).encode() + leaf.tobytes())
    assert stored["hash"].decode() == digest.hexdigest()[:12]
    image = data.source.pristine.load(1)[None] / np.float32(255)
    expected = GAN.apply({"params": learned["blur-2"]["params"]}, image, method=DTGAN.distort)
    path = tmp_path / "pictures" / "images" / "blur-2" / "b.png"
    np.testing.assert_allclose(np.asarray(Image.open(path)) / 255, expected[0], atol=0.51 / 255)


def test_after_a_kill_only_what_is_missing_is_made(data, learned, tmp_path):
    kept = tmp_path / "pictures" / "images" / "blur-0" / "a.png"
    kept.parent.mkdir(parents=True)
    Image.new("RGB", (48, 40), "red").save(kept)
    kept.with_name("b.png.part").write_bytes(b"half a picture")
    before = kept.read_bytes()
    made = hallucinate(data, learned, tmp_path)
    assert kept.read_bytes() == before
    index, records = auxiliary.database(made.facts["database"])
    assert len(index) == 4
    assert records[0] == before
    again = hallucinate(data, {}, tmp_path)  # whole: nothing is asked of a generator
    assert again.facts["images_per_s"] == 0


def test_a_square_from_the_middle_is_shown(data, learned, tmp_path):
    hallucinate(data, learned, tmp_path, side=32)
    pristine = np.asarray(Image.open(tmp_path / "pictures" / "pristine" / "a.png"))
    np.testing.assert_array_equal(pristine, data.source.pristine.load(0)[4:36, 8:40])
    with pytest.raises(InputError, match="a: found 40x48 pixels, expected 64 or more a side"):
        hallucinate(data, learned, tmp_path / "other", side=64)


def simulate(data, folder, **how):
    return fit(auxiliary.Simulate(), None, {}, data, None, SimulateConfig(**how), folder, None)


def test_synthetic_distortions_stand_for_levels(data, tmp_path):
    kinds = ("waterloo/jpeg", "waterloo/white_noise")
    made = simulate(data, tmp_path, types=kinds, strengths=(1, 5))
    index, records = auxiliary.database(made.facts["database"])
    assert index.id.tolist()[:4] == ["a jpeg-0", "a jpeg-1", "a white_noise-0", "a white_noise-1"]
    assert index.quality.tolist()[:4] == [1, 0, 1, 0]
    path = tmp_path / "pictures" / "images" / "jpeg-1" / "a.png"
    expected = distort(data.source.pristine.load(0), "waterloo/jpeg", 5)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), np.rint(255 * expected))
    assert records[1] == path.read_bytes()


def test_a_measure_stands_for_the_opinion(data, tmp_path):
    made = simulate(data, tmp_path, types=("waterloo/jpeg",), strengths=(1, 5), label="ssim")
    index, _ = auxiliary.database(made.facts["database"])
    for row, number in enumerate((0, 1)):
        files = tmp_path / "pictures" / "images" / f"jpeg-{number}" / "a.png"
        original = tmp_path / "pictures" / "pristine" / "a.png"
        grey = [np.asarray(Image.open(p).convert("L")) for p in (files, original)]
        similar = structural_similarity(
            *grey, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        assert index.score[row] == pytest.approx(similar, abs=0.03)  # its borders differ
    assert index.score[0] > index.score[1]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "types: found none, expected some of kadid10k/gaussian_blur"),
        ({"types": ("jpg",)}, "types: found jpg, expected some of"),
        ({"types": ("waterloo/jpeg",), "label": "fsim"}, "label: found 'fsim', expected one of"),
        ({"types": ("waterloo/jpeg",), "strengths": (3, 1)}, r"strengths: found \[3, 1\]"),
        ({"types": ("waterloo/jpeg",), "strengths": (1, 6)}, r"strengths: found \[1, 6\]"),
    ],
)
def test_what_cannot_be_is_named(how, message):
    with pytest.raises(InputError, match=message):
        SimulateConfig(**how)
