"""Distortions against other libraries and against values worked out by hand."""

import functools
import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage import color, data

from jiqa.data.distort import TYPES, blur, codec, colour, distort, geometry

PHOTOGRAPH = data.coffee()[130:194, 200:264]
UNIT = (PHOTOGRAPH / 255).astype(np.float32)
GREY = np.full((192, 192, 3), 0.5, np.float32)


@functools.cache
def normal(shape=(64, 64, 3)):
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def run(function, image, strength, random=None):
    return np.asarray(jax.jit(function)(image, jnp.float32(strength), random))


def test_gaussian_blur_is_scipys():
    image = UNIT[:40]
    for level, deviation, radius in ((3, 1, 2), (5, 5, 10)):
        known = ndimage.gaussian_filter(
            image, (deviation, deviation, 0), radius=(radius, radius, 0)
        )
        found = distort(image, "kadid10k/gaussian_blur", level)
        np.testing.assert_allclose(found, known, atol=1e-5)


def test_blur_wider_than_the_image_is_scipys():
    image = UNIT[:40]
    known = ndimage.gaussian_filter(image, (199 / 6, 199 / 6, 0), radius=(99, 99, 0))
    np.testing.assert_allclose(distort(image, "waterloo/gaussian_blur", 5), known, atol=1e-5)


def test_disk_of_radius_1_is_the_area_in_each_pixel():
    """The corner by integrating the quarter circle over 1/2 .. sqrt(3)/2."""
    corner = np.pi / 12 - np.sqrt(3) / 4 + 1 / 4
    side = (np.pi - 1 - 4 * corner) / 4
    known = np.array([[corner, side, corner], [side, 1, side], [corner, side, corner]]) / np.pi
    disk = np.asarray(jax.jit(blur.disk, static_argnums=1)(1.0, 2))
    np.testing.assert_allclose(disk[1:4, 1:4], known, atol=3e-4)
    assert disk[0].sum() == 0


def test_lens_blur_spreads_a_point_over_the_disk():
    point = np.zeros((64, 64, 3), np.float32)
    point[30, 20] = 1
    found = np.asarray(distort(point, "kadid10k/lens_blur", 5))[..., 0]
    assert found.sum() == pytest.approx(1, abs=1e-4)
    assert found[30, 20] == pytest.approx(1 / (64 * np.pi), rel=1e-3)
    rows, columns = np.mgrid[:64, :64]
    assert np.all(found[np.hypot(rows - 30, columns - 20) > 9] < 1e-6)


def test_motion_blur_spreads_a_point_along_a_line():
    """Of a line of 10 pixels, 10^2 / 12 of variance, and 1/3 of the interpolation's."""
    point = np.zeros((64, 64, 3), np.float32)
    point[32, 32] = 1
    found = np.asarray(distort(point, "kadid10k/motion_blur", 5, 3))[..., 0]
    offsets = np.mgrid[:64, :64].reshape(2, -1) - 32
    np.testing.assert_allclose(offsets @ found.ravel(), 0, atol=1e-3)
    across, along = np.linalg.eigvalsh(offsets * found.ravel() @ offsets.T)
    assert across < 0.3
    assert along + across == pytest.approx(100 / 12 + 1 / 3, rel=0.03)


@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")
def test_sharpen_adds_what_a_gaussian_takes_away():
    lab = color.rgb2lab(UNIT)
    soft = ndimage.gaussian_filter(lab[..., 0], 3, radius=6)
    lab[..., 0] += 1 * (lab[..., 0] - soft)
    inside = np.all(color.lab2xyz(lab) > 0, -1)
    known, found = color.lab2rgb(lab), np.asarray(distort(UNIT, "kadid10k/high_sharpen", 1))
    np.testing.assert_allclose(found[inside], known[inside], atol=1e-3)


def test_lab_is_scikit_images():
    lab = jax.jit(colour.rgb_to_lab)(UNIT)
    np.testing.assert_allclose(lab, color.rgb2lab(UNIT), atol=0.01)
    np.testing.assert_allclose(jax.jit(colour.lab_to_rgb)(lab), UNIT, atol=1e-4)


def test_brighten_is_two_parts_rgb_and_one_lightness():
    curve = np.poly1d(np.polyfit([0, 0.5, 1], [0, 0.5 + 0.4 / 2, 1], 2))
    lab = color.rgb2lab(UNIT)
    lab[..., 0] = 100 * curve(lab[..., 0] / 100)
    inside = np.all(color.lab2xyz(lab) > 0, -1)
    known = (2 * curve(UNIT) + color.lab2rgb(lab)) / 3
    found = np.asarray(distort(UNIT, "kadid10k/brighten", 3))
    np.testing.assert_allclose(found[inside], known[inside], atol=1e-3)


def test_diffusion_keeps_lightness_and_blurs_chroma():
    lab = color.rgb2lab(UNIT)
    chroma = ndimage.gaussian_filter(lab[..., 1:], (3.5, 3.5, 0), radius=(7, 7, 0))
    known = color.lab2rgb(np.concatenate([lab[..., :1], chroma], -1))
    np.testing.assert_allclose(distort(UNIT, "kadid10k/color_diffusion", 1), known, atol=1e-3)


@pytest.mark.parametrize("level", [1, 4])
def test_saturation_is_scikit_images_hsv(level):
    factor = (0.4, 0.2, 0.1, 0, -0.4)[level - 1]
    known = color.hsv2rgb(color.rgb2hsv(UNIT) * [1, factor, 1])
    found = distort(UNIT, "kadid10k/color_saturation_1", level)
    np.testing.assert_allclose(found, known, atol=1e-5)


def test_quantization_merges_the_two_values_that_cost_least():
    """Eight values to seven: of neighbours at a distance d, n m / (n + m) d^2 is least."""
    values = np.array([10, 40, 60, 110, 128, 180, 210, 250])
    counts = np.array([150, 10, 450, 20, 100, 45, 226, 23])
    image = np.repeat(values, counts).astype(np.uint8).reshape(32, 32, 1).repeat(3, 2)
    cost = counts[1:] * counts[:-1] / (counts[1:] + counts[:-1]) * np.diff(values) ** 2
    first = int(cost.argmin())
    pair = slice(first, first + 2)
    kept = values.astype(float)
    kept[pair] = np.average(values[pair], weights=counts[pair])
    known = kept[np.searchsorted(values, image)] / 255
    np.testing.assert_allclose(distort(image, "kadid10k/quantization", 5), known, atol=1e-4)


def test_colours_that_are_few_enough_are_kept():
    rows, columns = np.mgrid[:16, :24] // 8
    colours = np.random.default_rng(1).random((4, 3), np.float32)
    image = colours[(rows + 2 * columns) % 4]
    found = distort(image, "tid2013/color_quantization_with_dither", 5)
    np.testing.assert_allclose(found, image, atol=1e-6)


def test_dither_is_floyd_and_steinbergs():
    image = UNIT[20:36, 10:34]
    found = np.asarray(distort(image, "tid2013/color_quantization_with_dither", 5))
    colours = np.unique(found.reshape(-1, 3), axis=0)
    assert len(colours) == 4
    wanted = image.copy()
    for row, column in np.ndindex(image.shape[:2]):
        pixel = np.clip(wanted[row, column], 0, 1)
        wanted[row, column] = colours[np.sum((colours - pixel) ** 2, -1).argmin()]
        error = pixel - wanted[row, column]
        for down, across, share in ((0, 1, 7), (1, -1, 3), (1, 0, 5), (1, 1, 1)):
            if row + down < 16 and 0 <= column + across < 24:
                wanted[row + down, column + across] += error * share / 16
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_steps_are_even():
    found = np.asarray(distort(UNIT, "tid2013/quantization_noise", 5)) * 255
    steps = np.diff(np.unique(np.round(found, 3)))
    np.testing.assert_allclose(steps[:-1], steps[0], atol=0.01)
    assert steps[0] > 20


def test_white_noise_has_its_variance():
    noise = np.asarray(distort(GREY, "kadid10k/white_noise", 5)) - 0.5
    assert noise.var() == pytest.approx(0.01, rel=0.02)
    assert abs(noise.mean()) < 0.001
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02


def test_noise_of_ycbcr_has_its_variance_there():
    noisy = color.rgb2ycbcr(distort(GREY, "kadid10k/white_noise_ycbcr", 5)) / 255
    np.testing.assert_allclose(noisy.var((0, 1)), 0.003, rtol=0.05)


def test_colour_noise_is_four_times_stronger_in_colour():
    deviation = color.rgb2ycbcr(distort(GREY, "tid2013/color_noise", 2)).std((0, 1))
    np.testing.assert_allclose(deviation[1:] / deviation[0], 4, rtol=0.05)


def test_impulse_noise_has_its_density():
    noisy = np.asarray(distort(GREY, "kadid10k/impulse_noise", 5))
    assert set(np.unique(noisy)) == {0, 0.5, 1}
    assert np.mean(noisy == 0) == pytest.approx(0.015, rel=0.1)
    assert np.mean(noisy == 1) == pytest.approx(0.015, rel=0.1)


def test_speckle_grows_with_the_sample():
    image = GREY.copy()
    image[:96] = 0.25
    noise = np.asarray(distort(image, "kadid10k/multiplicative_noise", 5)) - image
    assert noise[:96].var() == pytest.approx(0.05 / 16, rel=0.03)
    assert noise[96:].var() == pytest.approx(0.05 / 4, rel=0.03)
    assert np.abs(noise[96:]).max() <= np.sqrt(12 * 0.05) / 4 + 1e-6


def test_correlated_noise_is_a_mean_of_nine():
    """Neighbours share six of nine samples."""
    noise = np.asarray(distort(GREY, "tid2013/spatially_correlated_noise", 2))[2:-2, 2:-2] - 0.5
    pair = np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]
    assert pair == pytest.approx(6 / 9, abs=0.02)


def test_high_frequency_noise_lacks_low_frequencies():
    noise = np.asarray(distort(GREY, "tid2013/high_frequency_noise", 2))[..., 0] - 0.5
    power = np.abs(np.fft.rfft2(noise)) ** 2
    assert power[:12, :12].mean() < 0.02 * power[60:130, 60:].mean()


def test_masked_noise_spares_what_is_flat():
    image = GREY.copy()
    image[:96] += 0.2 * np.sign(normal((96, 192, 3))[..., :1])
    change = np.asarray(distort(image, "tid2013/masked_noise", 2)) - image
    assert np.all(change[102:] == 0)
    assert change[:90].std() > 0.02


def test_mechanisms_that_move_pixels():
    ramp = np.repeat(np.repeat(np.arange(64.0)[None, :, None] / 64, 64, 0), 3, 2).astype("f")
    moved = run(geometry.jitter, ramp, 0.5, normal())[:, 8:-8, 0] - ramp[:, 8:-8, 0]
    assert (moved * 64).std() == pytest.approx(0.5 * np.sqrt(5), rel=0.05)
    apart = run(geometry.aberration, UNIT, 3)
    np.testing.assert_allclose(apart[:, 3:, 0], UNIT[:, :-3, 0], atol=1e-6)
    np.testing.assert_allclose(apart[..., 1], UNIT[..., 1])
    np.testing.assert_allclose(apart[:, :-3, 2], UNIT[:, 3:, 2], atol=1e-6)


def test_pixelate_is_pillows_nearest():
    side = int((0.95 - 0.5**0.6) * 64)
    nearest = Image.Resampling.NEAREST
    known = Image.fromarray(PHOTOGRAPH).resize((side, side), nearest).resize((64, 64), nearest)
    found = distort(PHOTOGRAPH, "kadid10k/pixelate", 5)
    np.testing.assert_allclose(found, np.asarray(known) / 255, atol=1e-6)


def test_colour_shift_moves_green_alone_and_most_at_edges():
    image = GREY[:64, :64].copy()
    image[:, 32:] = 0.9
    change = np.abs(np.asarray(distort(image, "kadid10k/color_shift", 5)) - image)
    assert np.all(change[..., [0, 2]] == 0)
    assert change[..., 1].max() > 0.35
    assert np.all(change[:, :31] == 0)


def test_blocks_and_patches():
    blocks = np.asarray(distort(GREY, "kadid10k/color_block", 1))
    changed = np.any(blocks != 0.5, -1)
    assert 32 * 32 <= changed.sum() <= 2 * 32 * 32
    assert len(np.unique(blocks[changed], axis=0)) <= 2
    patched = np.asarray(distort(data.coffee()[:192, :192], "kadid10k/non_eccentricity_patch", 1))
    changed = np.any(np.abs(patched - data.coffee()[:192, :192] / 255) > 1e-6, -1)
    assert 16 * 16 < changed.sum() <= 20 * 16 * 16


def test_denoising_takes_noise_away():
    loss = ((run(geometry.denoised, UNIT, 0.1, normal()) - UNIT) ** 2).mean()
    assert loss < 0.4 * 0.1**2
    untouched = run(geometry.denoised, UNIT, 0, normal())
    np.testing.assert_allclose(untouched, UNIT, atol=1e-5)


def test_sparse_sampling_keeps_and_rebuilds():
    uniform = np.random.default_rng(2).random((64, 64, 3), np.float32)
    known = uniform[..., 0] < 0.4
    found = run(geometry.sparse_sampling, UNIT, 0.4, uniform)
    np.testing.assert_array_equal(found[known], UNIT[known])
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    assert np.mean((found - UNIT) ** 2) < 0.7 * np.mean((UNIT[tuple(nearest)] - UNIT) ** 2)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("kadid10k/jpeg", {"format": "JPEG", "quality": 43}),
        ("waterloo/jpeg", {"format": "JPEG", "quality": 43}),
        ("pocket/jpeg", {"format": "JPEG", "quality": 30}),
        ("kadid10k/jpeg2000", {"format": "JPEG2000", "quality_layers": [16]}),
        ("waterloo/jpeg2000", {"format": "JPEG2000", "quality_layers": [52]}),
        ("pocket/jpeg2000", {"format": "JPEG2000", "quality_layers": [12]}),
    ],
)
def test_codec_is_pillows(name, settings):
    if settings["format"] == "JPEG2000":
        settings |= {"quality_mode": "rates", "irreversible": True}
    np.testing.assert_array_equal(distort(PHOTOGRAPH, name, 1), through(settings) / 255)


def through(settings, image=PHOTOGRAPH):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, **settings)
    return np.asarray(Image.open(stream)).astype(np.float32)


@pytest.mark.parametrize("damage", [codec.jpeg_errors, codec.jpeg2000_errors])
def test_damaged_streams_are_decoded_whatever_is_hit(damage):
    clean = damage(UNIT, 0, [1])
    assert np.mean((clean - UNIT) ** 2) < 0.002
    for seed in range(20):
        assert damage(UNIT, 400, [seed]).shape == UNIT.shape
    one, again = damage(UNIT, 5, [1]), damage(UNIT, 5, [1])
    np.testing.assert_array_equal(one, again)
    assert np.any(one != clean)


def test_comfort_noise_has_the_power_of_what_the_codec_took():
    """Independent of that, and as strong, it doubles the squared error."""
    image = data.coffee()[130:322, 200:392].astype(np.float32) / 255
    coded = codec.jpeg2000(image, 30, [0])
    error = np.mean((codec.comfort(image, 30, [0]) - image) ** 2)
    assert error == pytest.approx(2 * np.mean((coded - image) ** 2), rel=0.05)


def test_noisy_image_is_compressed_as_noise_calls_for():
    """A deviation of 0.02: 3.5 x 5.1 / 16 of libjpeg's table is 111.6%, so quality 5000 / 111.6."""
    noise = np.random.default_rng([4]).standard_normal(UNIT.shape, np.float32)
    noisy = np.rint(np.clip(UNIT + 0.02 * noise, 0, 1) * 255).astype(np.uint8)
    known = through({"format": "JPEG", "quality": 45}, noisy) / 255
    np.testing.assert_array_equal(codec.noisy_jpeg(UNIT, 0.02, [4]), known)


def test_pocket_is_numpys_with_the_seed_itself():
    """Seeds beyond 31 bits too: those of the database have 32."""
    for seed in (3, 4294967291):
        noise = np.random.default_rng(seed).standard_normal(UNIT.shape, np.float32)
        known = np.clip(UNIT + np.sqrt(0.008) * noise, 0, 1).astype(np.float32)
        np.testing.assert_array_equal(distort(UNIT, "pocket/white_noise", 3, seed), known)
    known = ndimage.gaussian_filter(UNIT, (1.3, 1.3, 0))
    np.testing.assert_allclose(distort(UNIT, "pocket/gaussian_blur", 2), known, atol=1e-6)
    noisy = np.asarray(distort(GREY, "pocket/impulse_noise", 5))
    assert set(np.unique(noisy)) == {0, 0.5, 1}
    assert np.mean(noisy != 0.5) == pytest.approx(0.1, rel=0.05)


def test_strengths_are_not_mixed_up():
    """Those that no other test here rests on, from the papers."""
    assert TYPES["kadid10k/darken"].levels == (0.05, 0.1, 0.2, 0.4, 0.8)
    assert TYPES["kadid10k/jitter"].levels == (0.05, 0.1, 0.2, 0.5, 1)
    assert TYPES["kadid10k/jpeg2000"].levels == (16, 32, 45, 120, 170)
    assert TYPES["kadid10k/jpeg"].levels == (43, 36, 24, 7, 4)
    assert TYPES["waterloo/jpeg"].levels == (43, 12, 7, 4, 0)
    assert TYPES["waterloo/jpeg2000"].levels == (52, 150, 343, 600, 1200)
    assert TYPES["tid2013/local_block_wise_distortions"].levels == (2, 4, 8, 16, 32)
    assert TYPES["tid2013/color_quantization_with_dither"].levels == (64, 32, 16, 8, 4)
