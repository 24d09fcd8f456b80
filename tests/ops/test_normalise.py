import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jiqa.errors import InputError
from jiqa.ops.normalise import PREPROCESS, normalise

IMAGE = np.random.default_rng(0).uniform(size=(2, 13, 18, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


def test_imagenet_is_torchvisions():
    expected = (IMAGE - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(normalise(IMAGE, "imagenet"), expected, rtol=1e-5, atol=1e-6)


def test_caffe_is_bgr_in_bytes_less_the_mean():
    red = jnp.asarray([[[1.0, 0.0, 0.0]]])
    expected = [[[-103.939, -116.779, 255 - 123.68]]]
    np.testing.assert_allclose(normalise(red, "caffe"), expected, rtol=1e-6)


def test_local_mean_is_scipys_uniform_filter():
    mean = ndimage.uniform_filter(IMAGE.astype(np.float64), (0, 7, 7, 0), mode="mirror")
    got = normalise(jnp.asarray(IMAGE), "local_mean")
    np.testing.assert_allclose(got, (IMAGE - mean) / 0.1, atol=1e-5)


def test_unit_leaves_the_image_alone():
    np.testing.assert_array_equal(normalise(IMAGE, "unit"), IMAGE)


@pytest.mark.parametrize("preprocess", PREPROCESS)
def test_bytes_equal_floats(preprocess):
    image = np.random.default_rng(1).integers(0, 256, (13, 18, 3), dtype=np.uint8)
    bytes_ = normalise(jnp.asarray(image), preprocess)
    floats = normalise(jnp.asarray(image / 255, jnp.float32), preprocess)
    assert bytes_.dtype == jnp.float32
    np.testing.assert_allclose(bytes_, floats, atol=1e-4)


@pytest.mark.parametrize("preprocess", PREPROCESS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_leading_axes_and_dtype_stay(preprocess, dtype):
    image = jnp.asarray(IMAGE, dtype)
    got = normalise(image[:, None], preprocess)
    assert got.shape == (2, 1, 13, 18, 3)
    assert got.dtype == image.dtype
    np.testing.assert_array_equal(got[1, 0], normalise(image[1], preprocess))


@pytest.mark.parametrize(
    ("image", "preprocess", "message"),
    [
        (jnp.zeros((8, 8, 3)), "vgg", "preprocess: found 'vgg', expected one of .*'imagenet'"),
        (
            jnp.zeros((8, 8, 4)),
            "unit",
            r"image: found shape \[8, 8, 4\], expected \[..., h, w, 3\]",
        ),
        (jnp.zeros((8, 3)), "unit", r"image: found shape \[8, 3\]"),
        (jnp.zeros((8, 8, 3), jnp.int32), "unit", "image: found int32, expected uint8"),
    ],
)
def test_bad_input_is_named(image, preprocess, message):
    with pytest.raises(InputError, match=message):
        normalise(image, preprocess)
