import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jiqa.errors import InputError
from jiqa.ops import check

BYTES = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
BYTES[0, 0], BYTES[0, 1] = 0, 255


def test_bytes_and_floats_become_one_batch_of_floats():
    image, ref = check.images(BYTES, (BYTES / 255)[None])
    assert ref is not None
    assert image.dtype == ref.dtype == jnp.float32
    assert image.shape == (1, 5, 7, 3)
    np.testing.assert_allclose(image[0], BYTES / 255, atol=1e-7)
    np.testing.assert_allclose(ref[0], BYTES / 255, atol=1e-7)


def test_every_byte_is_divided_and_numpys_images_stay_numpys():
    every = np.arange(256, dtype=np.uint8).reshape(8, 32)
    single = check.images(every)[0]
    assert isinstance(single, np.ndarray)
    for image in (
        single,
        *(check.images(x)[0] for x in (every[None, ..., None], jnp.asarray(every))),
    ):
        assert image.dtype == np.float32
        np.testing.assert_allclose(image[0, ..., 2], every / 255, rtol=1.2e-7)


@pytest.mark.parametrize("batch", [False, True])
def test_sixteen_bits_are_shares_of_65535(batch):
    values = np.array([[0, 1, 257], [32768, 65534, 65535]], np.uint16)
    image = values[None, ..., None] if batch else values
    for given in (image, jnp.asarray(image)):
        found = check.images(given)[0]
        assert found.dtype == np.float32
        np.testing.assert_allclose(found[0, ..., 1], values / 65535, rtol=1.2e-7)
        kept = check.images(given, integers=True)[0]
        assert kept.dtype == np.uint16
        np.testing.assert_allclose(check.unit(kept)[0, ..., 1], values / 65535, rtol=1.2e-7)


@pytest.mark.parametrize("grey", [BYTES[..., 0], BYTES[..., :1], BYTES[None, ..., :1]])
def test_grey_is_repeated(grey):
    image, ref = check.images(grey)
    assert ref is None
    np.testing.assert_allclose(image[0], np.repeat(BYTES[..., :1] / 255, 3, -1), atol=1e-7)


@pytest.mark.parametrize(
    "value", [-1e-30, -0.0, 0.0, 1.0, np.nextafter(np.float32(1), 2), np.inf, np.nan]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_ends_of_the_range(value, dtype):
    image = np.full((4, 4, 3), 0.5, dtype)
    image[2, 1, 0] = value
    inside = bool(0 <= image[2, 1, 0] <= 1)
    assert bool(check._all_in_range(image)) == inside  # as on a GPU
    if inside:
        assert check.images(image)[0].shape == (1, 4, 4, 3)
    else:
        with pytest.raises(InputError, match="expected uint8"):
            check.images(image)


def test_traced_arrays_pass():
    image = jax.jit(lambda x: check.images(x)[0])(jnp.asarray(BYTES))
    np.testing.assert_allclose(image[0], BYTES / 255, atol=1e-7)


@pytest.mark.parametrize(
    ("image", "ref", "message"),
    [
        (BYTES.astype(np.float32), None, r"image: found float32 in \[0, 255\], expected uint8"),
        (BYTES / 255 - 0.5, None, r"image: found float64 in \[-0.5, 0.5\], expected uint8"),
        (np.full((5, 5), np.nan), None, r"image: found float64 in \[nan, nan\], expected"),
        (BYTES.astype(np.int32), None, "image: found int32, expected uint8"),
        (BYTES[:, :, :2], None, r"image: found shape \[5, 7, 2\], expected \[h, w\], "),
        (BYTES[:0], None, r"image: found shape \[0, 7, 3\], expected"),
        (BYTES[:4], None, "image: found 4x7 pixels, expected 5 or more on each side"),
        (BYTES, BYTES[:, :6], "ref: found 1 of 5x6 pixels, expected 1 of 5x7 as the image"),
        (BYTES, BYTES[None].repeat(2, 0), "ref: found 2 of 5x7 pixels, expected 1 of 5x7"),
        (BYTES, BYTES / 2, "ref: found float64 in "),
    ],
)
def test_the_rest_is_refused_in_one_line(image, ref, message):
    with pytest.raises(InputError, match=message) as error:
        check.images(image, ref, least=5)
    assert "\n" not in str(error.value)
