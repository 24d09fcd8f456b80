"""Convolution and transposed convolution with a kernel gradient that is fast on a CPU too."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

# Values of a block of patches, few enough to stay in a processor's cache.
BLOCK = 2**19

Padding = tuple[tuple[int, int], tuple[int, int]]


def _plain(x: jax.Array, kernel: jax.Array, stride: int, padding: Padding) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def convolve(x: jax.Array, kernel: jax.Array, stride: int, padding: Padding) -> jax.Array:
    """Convolution of networks: a map [b, h, w, c] correlated with a kernel [k, l, c, features].

    On a CPU the kernel's gradient is a sum of matrix products over blocks of patches. XLA's own
    gradient, a convolution with a kernel as large as the map, is three to nine times as slow. The
    gradient can be differentiated again in reverse mode, but not in forward mode.

    Args:
      x: the map, of the kernel's type.
      kernel: height, width, channels in, channels out.
      stride: along both axes.
      padding: zeros before and after the rows, and before and after the columns.
    """
    return _convolve(x, kernel, stride, padding)


def _convolve_backward(
    stride: int, padding: Padding, saved: tuple[jax.Array, jax.Array], grad: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    to_x = _transposed(grad, kernel, stride, padding, x.shape[1:3])
    return to_x, _to_kernel(x, grad, kernel, stride, padding)


def convolve_transposed(
    x: jax.Array, kernel: jax.Array, stride: int, padding: Padding, size: tuple[int, int]
) -> jax.Array:
    """Transpose of `convolve`: maps the shape of its output to the shape of its input.

    The gradients are as fast as those of `convolve`, with the same limits.

    Args:
      x: a map [b, h, w, c], of the kernel's type.
      kernel: height, width, channels out, channels in: the kernel of the `convolve` transposed.
      stride: factor by which the output is larger.
      padding: rows and columns of zeros that `convolve` would put around the output.
      size: height and width of the output.
    """
    return _convolve_transposed(x, kernel, stride, padding, size)


def _transposed_backward(
    stride: int,
    padding: Padding,
    size: tuple[int, int],
    saved: tuple[jax.Array, jax.Array],
    grad: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    return _plain(grad, kernel, stride, padding), _to_kernel(grad, x, kernel, stride, padding)


def _transposed(
    x: jax.Array, kernel: jax.Array, stride: int, padding: Padding, size: tuple[int, ...]
) -> jax.Array:
    shape = jax.ShapeDtypeStruct((x.shape[0], *size, kernel.shape[2]), x.dtype)
    return jax.linear_transpose(lambda y: _plain(y, kernel, stride, padding), shape)(x)[0]


def _to_kernel(
    x: jax.Array, grad: jax.Array, kernel: jax.Array, stride: int, padding: Padding
) -> jax.Array:
    """Gradient of a convolution's kernel, from its input and the gradient of its output."""

    def by_xla(x: jax.Array, grad: jax.Array) -> jax.Array:
        return jax.linear_transpose(lambda k: _plain(x, k, stride, padding), kernel)(grad)[0]

    def by_blocks(x: jax.Array, grad: jax.Array) -> jax.Array:
        return _by_blocks(x, grad, kernel.shape[:2], stride, padding).astype(kernel.dtype)

    return jax.lax.platform_dependent(x, grad, cpu=by_blocks, default=by_xla)


def _by_blocks(
    x: jax.Array, grad: jax.Array, size: tuple[int, ...], stride: int, padding: Padding
) -> jax.Array:
    """Gradient of a kernel of `size`, computed from patches of some rows of one image at a time."""
    batch, height, width, features = grad.shape
    channels = x.shape[-1]
    blocks = math.ceil(height * width * size[0] * size[1] * channels / BLOCK)
    rows = math.ceil(height / min(blocks, height))
    blocks = math.ceil(height / rows)
    # Rows beyond the last have no gradient, so values read there do not matter.
    below = max(0, (blocks * rows - 1) * stride + size[0] - x.shape[1] - padding[0][0])
    x = jnp.pad(x, ((0, 0), (padding[0][0], below), padding[1], (0, 0)))
    grad = jnp.pad(grad, ((0, 0), (0, blocks * rows - height), (0, 0), (0, 0)))
    grad = grad.reshape(batch * blocks, rows * width, features)

    def add(total: jax.Array, block: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        index, grad = block
        start = (index // blocks, index % blocks * rows * stride, 0, 0)
        part = jax.lax.dynamic_slice(
            x, start, (1, (rows - 1) * stride + size[0], x.shape[2], channels)
        )[0]
        patches = jnp.concatenate(
            [
                part[i : i + (rows - 1) * stride + 1 : stride][
                    :, j : j + (width - 1) * stride + 1 : stride
                ]
                for i in range(size[0])
                for j in range(size[1])
            ],
            axis=-1,
        )
        patches = patches.reshape(rows * width, -1)
        return total + jnp.matmul(grad.T, patches, preferred_element_type=total.dtype), None

    total = jnp.zeros(
        (features, size[0] * size[1] * channels), jnp.promote_types(x.dtype, jnp.float32)
    )
    total, _ = jax.lax.scan(add, total, (jnp.arange(batch * blocks), grad))
    return total.T.reshape(*size, channels, features)


def _saving(function: Callable[..., jax.Array]) -> Callable[..., tuple[jax.Array, Any]]:
    return lambda x, kernel, *options: (function(x, kernel, *options), (x, kernel))


_convolve = jax.custom_vjp(_plain, nondiff_argnums=(2, 3))
_convolve.defvjp(_saving(_plain), _convolve_backward)
_convolve_transposed = jax.custom_vjp(_transposed, nondiff_argnums=(2, 3, 4))
_convolve_transposed.defvjp(_saving(_transposed), _transposed_backward)
