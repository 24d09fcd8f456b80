"""Synthetic distortions: every type at every level, by name, batch and key."""

import functools

import jax
import numpy as np
import pytest
from PIL import Image
from skimage import color, data

from jiqa.cli import sheet
from jiqa.cli.main import main
from jiqa.data.distort import FAMILIES, TYPES, distort
from jiqa.data.distort.kind import Host
from jiqa.databases import tid
from jiqa.errors import InputError
from jiqa.tfds_builders.kadid10k import kadid10k_dataset_builder

LEVELS = np.arange(1, 6)
IN_PUBLISHED_ORDER = {
    "kadid10k/mean_shift": (0, 0.08, -0.08, 0.15, -0.15),
    "kadid10k/color_saturation_2": (1, 2, 3, 6, 9),
    "kadid10k/contrast_change": (0, 0.15, -0.4, 0.3, -0.6),
    "tid2013/mean_shift": tuple(shift / 255 for shift in (15, -15, 30, -30, 45)),
    "tid2013/contrast_change": (0.85, 1.2, 0.7, 1.4, 0.55),
    "tid2013/color_saturation_change": (0.4, 0, -0.4, -0.8, -1.2),
}
BY_NUMBER = {
    "kadid10k": (
        "gaussian_blur lens_blur motion_blur color_diffusion color_shift color_quantization "
        "color_saturation_1 color_saturation_2 jpeg2000 jpeg white_noise white_noise_ycbcr "
        "impulse_noise multiplicative_noise denoise brighten darken mean_shift jitter "
        "non_eccentricity_patch pixelate quantization color_block high_sharpen contrast_change"
    ),
    "tid2013": (
        "additive_gaussian_noise color_noise spatially_correlated_noise masked_noise "
        "high_frequency_noise impulse_noise quantization_noise gaussian_blur image_denoising jpeg "
        "jpeg2000 jpeg_transmission_errors jpeg2000_transmission_errors "
        "non_eccentricity_pattern_noise local_block_wise_distortions mean_shift contrast_change "
        "color_saturation_change multiplicative_gaussian_noise comfort_noise "
        "lossy_compression_of_noisy_images color_quantization_with_dither chromatic_aberrations "
        "sparse_sampling_and_reconstruction"
    ),
    "waterloo": "gaussian_blur white_noise jpeg jpeg2000",
    "pocket": "gaussian_blur jpeg jpeg2000 white_noise impulse_noise",
}


def photographs(name):
    """Natural crops, uint8 [n, h, w, 3], large enough for the type to tell its levels apart."""
    kind = TYPES[name]
    if name in ("waterloo/jpeg2000", "pocket/jpeg2000"):
        return data.astronaut()[None]
    crops = (data.coffee()[130:, 200:], data.astronaut()[10:, 150:])
    if isinstance(kind.mechanism, Host):
        return crops[0][None, :192, :192]
    if kind.mechanism.places:  # where they fall matters: several keys each
        return np.repeat([crop[:160, :160] for crop in crops], 3, 0)
    return np.stack([crop[:64, :64] for crop in crops])


@functools.cache
def distorted(name):
    """(photographs, their five levels [n, 5, h, w, 3])."""
    images = photographs(name)
    return images, run(name, images)


def run(name, images, order=slice(None)):
    """The levels of the images, [n, 5, h, w, 3], as one batch in this order; each has its key."""
    count = len(images)
    keys = jax.numpy.repeat(jax.random.split(jax.random.key(7), count), 5)[order]
    levels = np.tile(LEVELS, count)[order]
    result = np.asarray(distort(np.repeat(images, 5, 0)[order], name, levels, keys))
    return result[order].reshape(count, 5, *images.shape[1:])


def psnr(image, reference):
    error = ((image.astype(np.float64) - reference) ** 2).mean((-3, -2, -1))
    return -10 * np.log10(np.maximum(error, 1e-12))


def test_types_are_in_the_order_of_the_releases():
    assert {family: " ".join(kinds) for family, kinds in FAMILIES.items()} == BY_NUMBER
    assert list(FAMILIES["tid2013"]) == list(tid.TYPES)
    assert list(FAMILIES["kadid10k"]) == list(kadid10k_dataset_builder.TYPES)
    for kind in TYPES.values():
        assert ("fitted to PSNR" in kind.nearness) == (len(kind.levels) == 2)


@pytest.mark.parametrize("name", [name for name in TYPES if name not in IN_PUBLISHED_ORDER])
def test_every_level_is_worse_than_the_one_before(name):
    images, result = distorted(name)
    assert result.dtype == np.float32
    assert 0 <= result.min() <= result.max() <= 1
    mean = psnr(result, images[:, None] / 255).mean(0)
    assert np.all(np.diff(mean) < 0), mean
    if "fitted to PSNR" in TYPES[name].nearness:
        slack = 1.5 if "errors" in name or "pattern" in name else 0.5
        np.testing.assert_allclose(mean, [33, 30, 27, 24, 21], atol=slack)


@pytest.mark.parametrize("name", IN_PUBLISHED_ORDER)
def test_published_order_is_kept_value_by_value(name):
    images, result = distorted(name)
    for image, levels in zip(images / 255, result, strict=True):
        for value, found in zip(IN_PUBLISHED_ORDER[name], levels, strict=True):
            np.testing.assert_allclose(found, expected(name, image, value), atol=3e-4)


def expected(name, image, value):
    """What the type is by definition, in float64; scikit-image's colour spaces."""
    if name.endswith("mean_shift"):
        result = image + value
    elif name.endswith("saturation_2"):
        lab = color.rgb2lab(image) * [1, value, value]
        root = lab[..., :1] * [1 / 116, 1 / 116, 1 / 116] + lab[..., 1:2] * [1 / 500, 0, 0]
        root = root + lab[..., 2:] * [0, 0, -1 / 200] + 16 / 116
        ratio = np.where(root > 6 / 29, root**3, 3 * (6 / 29) ** 2 * (root - 4 / 29))
        result = color.xyz2rgb(ratio * [0.95047, 1, 1.08883])
    elif name == "kadid10k/contrast_change":
        through = [0, 0.25 - value / 4, 0.75 + value / 4, 1]
        result = np.polyval(np.polyfit([0, 0.25, 0.75, 1], through, 3), image)
    elif name.endswith("contrast_change"):
        mean = image.mean((0, 1))
        result = mean + value * (image - mean)
    elif value >= 0:
        result = color.hsv2rgb(color.rgb2hsv(image) * [1, value, 1])
    else:
        grey = image.max(-1, keepdims=True)
        result = grey - value * (grey - image)
    return np.clip(result, 0, 1)


@pytest.mark.parametrize("name", TYPES)
def test_key_decides_whatever_the_company_in_the_batch(name):
    """The same again, in reverse."""
    images, result = distorted(name)
    np.testing.assert_allclose(run(name, images, np.s_[::-1]), result, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        "kadid10k/white_noise",
        "kadid10k/multiplicative_noise",
        "kadid10k/color_block",
        "tid2013/additive_gaussian_noise",
        "tid2013/jpeg_transmission_errors",
        "pocket/white_noise",
    ],
)
def test_image_of_a_batch_is_as_alone(name):
    batch = np.stack([data.coffee()[130:178, 200:240], data.chelsea()[80:128, 100:140]])
    key = jax.random.key(5)
    together = distort(batch, name, 3, key)
    assert together.shape == (2, 48, 40, 3)
    alone = distort(batch[1], name, 3, jax.random.fold_in(key, 1))
    assert alone.shape == (48, 40, 3)
    np.testing.assert_allclose(alone, together[1], atol=1e-6)
    np.testing.assert_allclose(distort(batch, name, 3, 5), together, atol=1e-6)
    assert np.any(distort(batch, name, 3, 6) != together)


@pytest.mark.parametrize("name", ["kadid10k/white_noise", "kadid10k/pixelate", "kadid10k/jpeg"])
def test_range_of_uint8_and_float_are_one(name):
    images, result = distorted(name)
    np.testing.assert_allclose(run(name, images / 255), result, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "rain"}, "distortion: found 'rain', expected one of kadid10k/gaussian_blur"),
        ({"level": 0}, "waterloo/jpeg: found level 0, expected 1 to 5"),
        ({"level": 6}, "waterloo/jpeg: found level 6, expected 1 to 5"),
        ({"level": 1.5}, "waterloo/jpeg: found level 1.5, expected 1 to 5"),
        ({"level": np.ones(2, int)}, r"waterloo/jpeg: found levels \[2\], expected \[\]$"),
        (
            {"key": np.zeros(2, np.uint32)},
            r"waterloo/jpeg: found key uint32 \[2\], expected a seed",
        ),
        ({"image": np.zeros((8, 8))}, r"image: found shape \(8, 8\), expected \(h, w, 3\)"),
        ({"image": np.zeros((15, 99, 3))}, r"found shape \(15, 99, 3\), expected at least 16"),
        ({"image": np.zeros((0, 8, 3))}, r"image: found shape \(0, 8, 3\)"),
        ({"image": np.full((16, 16, 3), 255.0)}, r"image: found float64 in \[255.0, 255.0\]"),
        ({"image": np.full((16, 16, 3), np.nan)}, r"image: found float64 in \[nan, nan\]"),
        ({"image": np.zeros((16, 16, 3), np.int64)}, "image: found int64"),
        (
            {"image": np.zeros((3, 16, 16, 3)), "level": np.ones(2, int)},
            r"waterloo/jpeg: found levels \[2\], expected \[\] or \[3\]",
        ),
    ],
)
def test_bad_input_is_named(change, message):
    good = {"image": np.zeros((16, 16, 3)), "name": "waterloo/jpeg", "level": 1}
    with pytest.raises(InputError, match=message):
        distort(**(good | change))


def test_sheet_has_a_row_a_type_and_a_column_a_level(tmp_path):
    pytest.importorskip("matplotlib")
    photo, drawing = tmp_path / "photo.png", tmp_path / "out" / "sheet.png"
    image = data.coffee()[130:194, 200:264]
    Image.fromarray(image).save(photo)
    command = ["distort", str(photo), "-o", str(drawing), "--family", "pocket", "--size", "64"]
    assert main([*command, "--seed", "3"]) == 0
    drawn = np.asarray(Image.open(drawing).convert("RGB"))
    pitch = 8 * len("undistorted") + 4  # the name is wider than a picture
    pictures = [drawn[-340:, -6 * pitch :][68 * row :][:64] for row in range(5)]
    for name, row in zip(FAMILIES["pocket"], pictures, strict=True):
        np.testing.assert_array_equal(row[:, :64], image)
        for level in LEVELS:
            shown = distort(image, f"pocket/{name}", int(level), 3)
            found = row[:, pitch * level :][:, :64] / 255
            np.testing.assert_allclose(found, shown, atol=1 / 255)


def test_sheet_is_of_the_upright_photograph(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)
    Image.fromarray(stored).save(tmp_path / "photo.png", exif=exif)
    shown = sheet._reduced(str(tmp_path / "photo.png"), 40)
    np.testing.assert_array_equal(shown, np.rot90(stored, -1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.png"], "none.png: No such file or directory, expected an image"),
        (["photo.png", "--family", "live"], "--family: found 'live', expected one of kadid10k"),
        (["photo.png", "--size", "8"], "--size: found 8, expected at least 32"),
    ],
)
def test_sheet_says_what_is_wrong(arguments, message, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    assert main(["distort", *arguments, "-o", "sheet.png"]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "sheet.png").exists()
