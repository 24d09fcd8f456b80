import jax.numpy as jnp
import numpy as np
import pytest

from jiqa.ops.masks import reflected

X = np.random.default_rng(0).normal(size=(2, 9, 7)).astype(np.float32)
SIZES = [(9, 7), (5, 6)]


@pytest.mark.parametrize("n", [1, 3])
def test_reflected_is_numpys_pad_of_the_part(n):
    found = np.asarray(reflected(jnp.asarray(X), n, jnp.asarray(SIZES)))
    assert found.shape == (2, 9 + 2 * n, 7 + 2 * n)
    for x, part, (h, w) in zip(X, found, SIZES, strict=True):
        expected = np.pad(x[:h, :w], n, mode="reflect")
        np.testing.assert_array_equal(part[: h + 2 * n, : w + 2 * n], expected)
