import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from metrics.nr import naive
from PIL import Image

from jiqa.errors import InputError
from jiqa.ops.resize import imresize, imresize_within

IMAGE = np.random.default_rng(0).uniform(size=(2, 12, 17))


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"), jax.enable_x64(True):
        yield


def test_half_of_an_impulse_has_matlabs_weights():
    # MATLAB halves with the taps (-3 -9 29 111 111 29 -9 -3) / 256, whose middle lies between
    # pixels 2i and 2i + 1.
    line = jnp.zeros((1, 1, 16)).at[0, 0, 7].set(256.0)
    expected = [0, 0, -9, 111, 29, -3, 0, 0]
    np.testing.assert_allclose(imresize(line, (1, 8))[0, 0], expected, atol=1e-9)


@pytest.mark.parametrize("to", [0.5, 0.4, 1.7, 6.3, (9, 23), (7, 8), (100, 8)])
def test_bicubic_is_the_naive_one(to):
    scales = (to, to) if isinstance(to, float) else (to[0] / 12, to[1] / 17)
    sizes = [math.ceil(12 * to), math.ceil(17 * to)] if isinstance(to, float) else to
    expected = [naive.resized(image, sizes, scales) for image in IMAGE]
    np.testing.assert_allclose(imresize(jnp.asarray(IMAGE), to), expected, rtol=1e-9)


def test_inside_the_border_it_is_pillows():
    photo = np.random.default_rng(1).uniform(size=(64, 96)).astype(np.float32)
    pillow = Image.fromarray(photo)
    for kernel, pillows in (
        ("bicubic", Image.Resampling.BICUBIC),
        ("bilinear", Image.Resampling.BILINEAR),
    ):
        got = imresize(jnp.asarray(photo)[None], (32, 30), kernel)[0]
        expected = np.asarray(pillow.resize((30, 32), pillows))
        np.testing.assert_allclose(got[3:-3, 3:-3], expected[3:-3, 3:-3], atol=1e-5)


def test_without_antialiasing_bilinear_takes_the_two_nearest():
    line = jnp.arange(8.0)[None, None]
    got = imresize(line, (1, 2), "bilinear", antialias=False)
    np.testing.assert_allclose(got[0, 0], [1.5, 5.5])


def test_colours_are_resized_alike():
    image = jnp.asarray(IMAGE)
    stacked = imresize(jnp.stack([image, image[:, ::-1]], axis=-1), 0.5)
    np.testing.assert_allclose(stacked[..., 0], imresize(image, 0.5))
    np.testing.assert_allclose(stacked[..., 1], imresize(image[:, ::-1], 0.5))


@pytest.mark.parametrize(
    ("to", "kernel", "message"),
    [(0.5, "spline", "kernel: found 'spline'"), ((0, 4), "bicubic", "found a size of 0")],
)
def test_the_rest_is_refused(to, kernel, message):
    with pytest.raises(InputError, match=message):
        imresize(jnp.asarray(IMAGE), to, kernel)


@pytest.mark.parametrize("antialias", [True, False])
def test_part_of_a_map_is_resized_as_it_is_alone(antialias):
    sizes, targets, to = [(12, 17), (9, 5)], [(5, 21), (13, 4)], (14, 22)
    resized = imresize_within(
        jnp.asarray(IMAGE),
        to,
        size=jnp.asarray(sizes),
        target=jnp.asarray(targets),
        antialias=antialias,
    )
    assert resized.shape == (2, *to)
    assert np.isfinite(resized).all()
    for x, (h, w), target, found in zip(IMAGE, sizes, targets, resized, strict=True):
        alone = imresize(jnp.asarray(x[None, :h, :w]), target, "bilinear", antialias=antialias)
        np.testing.assert_allclose(found[: target[0], : target[1]], alone[0], rtol=1e-9)
