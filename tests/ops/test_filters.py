import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, signal

from jiqa.ops import filters

MAPS = np.random.default_rng(0).uniform(size=(2, 13, 18))
SCIPY = {"zero": "constant", "symmetric": "reflect", "reflect": "mirror", "replicate": "nearest"}
KERNELS = {
    "gaussian": np.outer(np.hanning(7), np.hanning(7)),
    "rank 2": np.add.outer(np.arange(7.0), np.arange(7.0) ** 2),
    "any": np.random.default_rng(1).normal(size=(5, 3)),
    "sparse": np.array([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]),
}


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"), jax.enable_x64(True):
        yield


def test_gaussian_is_fspecials():
    # fspecial('gaussian', 3, 0.5), as MATLAB prints it.
    expected = [[0.0113, 0.0838, 0.0113], [0.0838, 0.6193, 0.0838], [0.0113, 0.0838, 0.0113]]
    np.testing.assert_allclose(filters.gaussian(3, 0.5), expected, atol=5e-5)
    np.testing.assert_allclose(filters.gaussian(11, 1.5).sum(), 1)


@pytest.mark.parametrize("padding", SCIPY)
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_filter2_is_scipys(padding, kernel):
    expected = [ndimage.correlate(x, kernel, mode=SCIPY[padding]) for x in MAPS]
    np.testing.assert_allclose(filters.filter2(jnp.asarray(MAPS), kernel, padding), expected)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_valid_is_the_part_without_padding(kernel):
    expected = [signal.correlate2d(x, kernel, "valid") for x in MAPS]
    np.testing.assert_allclose(filters.filter2(jnp.asarray(MAPS), kernel, "valid"), expected)


def test_an_even_kernel_has_matlabs_centre():
    # filter2(ones(2), magic(3)) of MATLAB: each pixel with its right and lower neighbours.
    magic = jnp.asarray([[[8.0, 1, 6], [3, 5, 7], [4, 9, 2]]])
    expected = [[[17, 19, 13], [21, 23, 9], [13, 11, 2]]]
    np.testing.assert_allclose(filters.filter2(magic, np.ones((2, 2)), "zero"), expected)


def test_separable_is_the_outer_product():
    row, column = np.array([1.0, 2, 4]), np.array([1.0, 0, -1, 3, 2])
    got = filters.separable(jnp.asarray(MAPS), row, column, "symmetric")
    expected = [ndimage.correlate(x, np.outer(column, row), mode="reflect") for x in MAPS]
    np.testing.assert_allclose(got, expected)


@pytest.mark.parametrize("padding", SCIPY)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_block_mean_is_filter_and_take_every_nth(padding, n):
    maps = jnp.asarray(MAPS)
    expected = filters.filter2(maps, np.ones((n, n)) / n**2, padding)[:, ::n, ::n]
    np.testing.assert_allclose(filters.block_mean(maps, n, padding), expected)
