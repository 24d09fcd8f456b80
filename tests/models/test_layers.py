"""Layers beside linen's own, and the convolution's gradients beside JAX's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import PartitionSpec as P

from jiqa.models.layers import Conv, Up, max_pool
from jiqa.ops import convolve as module
from jiqa.ops.convolve import convolve, convolve_transposed
from jiqa.train import mesh as meshes


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize(("size", "stride", "padding"), [(1, 1, None), (1, 2, None), (5, 2, 1)])
def test_convolution_is_linens(size, stride, padding, use_bias):
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 6)).astype(np.float32)
    conv = Conv(8, size, stride, padding, use_bias=use_bias)
    params = jax.tree.map(jnp.ones_like, conv.init(jax.random.key(0), x))
    params["params"]["kernel"] = jax.random.normal(jax.random.key(1), (size, size, 6, 8))
    linen = nn.Conv(8, (size, size), stride, padding or size // 2, use_bias=use_bias)
    np.testing.assert_allclose(conv.apply(params, x), linen.apply(params, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_up_is_the_gradient_of_linens_convolution(stride):
    x = np.random.default_rng(0).normal(size=(2, 4, 3, 6)).astype(np.float32)
    up = Up(5, stride)
    params = up.init(jax.random.key(0), x)["params"]
    back = nn.Conv(6, (3, 3), stride, 1, use_bias=False)
    y = jnp.zeros((2, 4 * stride, 3 * stride, 5))
    shape, vjp = jax.vjp(lambda y: back.apply({"params": {"kernel": params["kernel"]}}, y), y)
    assert shape.shape == x.shape
    bias = jnp.arange(5.0)
    got = up.apply({"params": {**params, "bias": bias}}, x)
    np.testing.assert_allclose(got, vjp(x)[0] + bias[None, None, None], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("window", "padding"), [(2, 0), (3, 0), (3, 1)])
@pytest.mark.parametrize("size", [(8, 9), (7, 4), (3, 3)])
def test_max_pool_and_its_gradient_are_linens(window, padding, size):
    x = jnp.asarray(np.random.default_rng(0).uniform(size=(2, *size, 3)), jnp.float32)

    def linen(x):
        return nn.max_pool(x, (window, window), (2, 2), padding=((padding, padding),) * 2)

    def ours(x):
        return max_pool(x, window, padding)

    np.testing.assert_array_equal(ours(x), linen(x))
    got, expected = (jax.jit(jax.grad(lambda x, f=f: (f(x) ** 2).sum()))(x) for f in (ours, linen))
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def plain(x, kernel, stride, padding):
    """The same convolution, its gradients left to JAX."""
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def cubed(function, stride, padding):
    return lambda x, kernel: (function(x, kernel, stride, padding) ** 3).sum()


CASES = [  # map, kernel, stride, padding: of one block, of several, of more rows than there are
    ((2, 9, 7, 3), (3, 3), 1, ((1, 1), (1, 1))),
    ((2, 9, 7, 3), (3, 3), 2, ((1, 1), (1, 1))),
    ((1, 11, 8, 3), (5, 3), 2, ((0, 2), (3, 0))),
    ((2, 6, 6, 3), (3, 3), 4, ((0, 0), (0, 0))),
]


@pytest.mark.parametrize("block", [50, 200, 2**19])
@pytest.mark.parametrize(("shape", "size", "stride", "padding"), CASES)
def test_gradients_of_the_convolution(shape, size, stride, padding, block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        args = jnp.asarray(rng.normal(size=shape)), jnp.asarray(rng.normal(size=(*size, 3, 4)))
        ours, theirs = cubed(convolve, stride, padding), cubed(plain, stride, padding)
        for got, expected in zip(
            jax.grad(ours, (0, 1))(*args), jax.grad(theirs, (0, 1))(*args), strict=True
        ):
            assert got.dtype == np.float64
            np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-9)


@pytest.mark.parametrize(("shape", "size", "stride", "padding"), CASES)
def test_gradients_of_the_transposed_convolution(shape, size, stride, padding, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 200)
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        y, kernel = jnp.asarray(rng.normal(size=shape)), jnp.asarray(rng.normal(size=(*size, 3, 4)))
        x = jnp.asarray(rng.normal(size=plain(y, kernel, stride, padding).shape))

        def ours(x, kernel):
            return (convolve_transposed(x, kernel, stride, padding, y.shape[1:3]) ** 3).sum()

        def theirs(x, kernel):
            return (jax.vjp(lambda y: plain(y, kernel, stride, padding), y)[1](x)[0] ** 3).sum()

        for got, expected in zip(
            jax.grad(ours, (0, 1))(x, kernel), jax.grad(theirs, (0, 1))(x, kernel), strict=True
        ):
            np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-9)


def test_second_gradients_of_the_convolution():
    def penalty(function, x, kernel):
        return (jax.grad(cubed(function, 1, ((1, 1), (1, 1))), 1)(x, kernel) ** 2).sum()

    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x, kernel = (
            jnp.asarray(rng.normal(size=(2, 5, 4, 2))),
            jnp.asarray(rng.normal(size=(3, 3, 2, 2))),
        )
        for argument in (1, 2):
            got, expected = (jax.grad(penalty, argument)(f, x, kernel) for f in (convolve, plain))
            np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_gradient_in_bfloat16_is_of_that_type_and_summed_in_float32(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 500)  # 100 blocks and more
    rng = np.random.default_rng(0)
    x = np.asarray(rng.uniform(1, 2, size=(4, 32, 32, 2)).astype(jnp.bfloat16), np.float32)
    kernel = rng.normal(size=(3, 3, 2, 2))
    same = ((1, 1), (1, 1))

    def gradient(function, dtype):
        def total(kernel):
            return function(jnp.asarray(x, dtype), kernel, 1, same).sum()

        return jax.grad(total)(jnp.asarray(kernel, dtype))

    got = gradient(convolve, jnp.bfloat16)
    assert got.dtype == jnp.bfloat16
    expected = gradient(plain, jnp.float32)
    np.testing.assert_allclose(got.astype(jnp.float32), expected, rtol=2**-8)


def test_gradient_of_a_batch_over_eight_devices():
    mesh = meshes.make()
    rng = np.random.default_rng(0)
    x, kernel = jnp.asarray(rng.normal(size=(8, 6, 6, 2)), jnp.float32), jnp.ones((3, 3, 2, 3))
    gradient = jax.jit(jax.grad(cubed(convolve, 1, ((1, 1), (1, 1))), 1))
    sharded = jax.device_put(x, jax.NamedSharding(mesh, P("data")))
    assert len(sharded.devices()) == 8
    whole = jax.device_put(kernel, meshes.replicated(mesh))
    np.testing.assert_allclose(gradient(sharded, whole), gradient(x, kernel), rtol=1e-5)
