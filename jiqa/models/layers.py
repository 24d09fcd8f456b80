"""Layers shared by several networks, in a form that is fast on a CPU too."""

import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from flax import linen as nn

from jiqa.ops.convolve import convolve, convolve_transposed

# By the name of a layer: function of its output, whose result the next layer sees.
Attend = Mapping[str, Callable[[jax.Array], jax.Array]]

# Initialisers of the kernels of `Conv` and of `Up`.
DOWN_INIT = nn.initializers.lecun_normal()
UP_INIT = nn.initializers.lecun_normal(in_axis=-1, out_axis=-2)


class Conv(nn.Module):
    """Square convolution, by default zero-padded by half its size; parameter `kernel`, HWIO.

    `use_bias` adds a parameter `bias`. A 1x1 kernel is applied as a matrix product, which XLA runs
    on a CPU more than twice as fast as the convolution.
    """

    features: int
    size: int
    stride: int = 1
    padding: int | None = None
    use_bias: bool = True
    dtype: str = "float32"
    kernel_init: nn.initializers.Initializer = DOWN_INIT

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Convolved map, by default [b, ceil(h / stride), ceil(w / stride), features]."""
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32).astype(self.dtype)
        x = x.astype(self.dtype)
        if self.size == 1:
            x = x[:, :: self.stride, :: self.stride]
            y = (x.reshape(-1, shape[2]) @ kernel[0, 0]).reshape(*x.shape[:-1], self.features)
        else:
            margin = self.size // 2 if self.padding is None else self.padding
            y = convolve(x, kernel, self.stride, ((margin, margin), (margin, margin)))
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
            y += bias.astype(self.dtype)[None, None, None]
        return y


class Up(nn.Module):
    """Transposed 3x3 convolution with a bias: the transpose of a `Conv` of the same stride.

    Parameters: `kernel` [3, 3, features, c] and `bias`.
    """

    features: int
    stride: int = 2
    dtype: str = "float32"
    kernel_init: nn.initializers.Initializer = UP_INIT

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Larger map, [b, h, w, c] to [b, stride * h, stride * w, features]."""
        shape = (3, 3, self.features, x.shape[-1])
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        size = (self.stride * x.shape[1], self.stride * x.shape[2])
        y = convolve_transposed(
            x.astype(self.dtype), kernel.astype(self.dtype), self.stride, ((1, 1), (1, 1)), size
        )
        return y + bias.astype(self.dtype)[None, None, None]


def max_pool(x: jax.Array, window: int, padding: int = 0) -> jax.Array:
    """Square maximum of stride 2 over non-negative maps, zero-padded, one axis after the other.

    Rows and columns at the end that fill no window are left out. The maximum is taken of slices:
    XLA takes three times as long for the gradient of a window reduction.
    """
    for axis in (1, 2):
        x = jnp.pad(x, [(padding, padding) if i == axis else (0, 0) for i in range(4)])
        last = (x.shape[axis] - window) // 2 * 2
        parts = [jax.lax.slice_in_dim(x, i, i + last + 1, 2, axis) for i in range(window)]
        x = functools.reduce(jnp.maximum, parts)
    return x


def pool(x: jax.Array) -> jax.Array:
    """Mean over the positions of a map, [b, h, w, c] to [b, c], in float32 or more."""
    return x.mean((1, 2), dtype=jnp.promote_types(x.dtype, jnp.float32))
