import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jiqa.ops.powers import power, real_power, root


@pytest.mark.parametrize("exponent", [0.02, 1 / 3, 0.4, 2.4])
def test_power_in_single_precision_is_numpys_in_double(exponent):
    x = np.geomspace(1e-6, 1e6, 500).astype(np.float32)
    expected = x.astype(np.float64) ** exponent
    np.testing.assert_allclose(power(jnp.asarray(x), exponent), expected, rtol=3e-6)
    within = (x > 1e-2) & (x < 1e2)
    got = power(jnp.asarray(x[within]), exponent)
    np.testing.assert_allclose(got, expected[within], rtol=1e-6)


def test_real_power_is_that_of_complex_numbers():
    x = np.array([-1.0, -0.2, 0, 0.3, 1])
    expected = (x.astype(complex) ** 0.03).real
    np.testing.assert_allclose(real_power(jnp.asarray(x), 0.03), expected, rtol=1e-6)


@pytest.mark.parametrize("f", [root, lambda x: power(x, 0.4), lambda x: real_power(x, 0.4)])
def test_value_and_gradient_are_0_at_0_and_true_beside_it(f):
    value, gradient = jax.value_and_grad(f)(0.0)
    assert (value, gradient) == (0, 0)
    slope = (f(0.3 + 1e-2) - f(0.3 - 1e-2)) / 2e-2
    np.testing.assert_allclose(jax.grad(f)(0.3), slope, rtol=1e-3)
