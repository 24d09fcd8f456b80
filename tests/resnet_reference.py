"""ResNet in NumPy, written from the paper, and random variables, for parity tests."""

import jax
import numpy as np
from flax import traverse_util


def convolve(x, kernel, stride=1):
    """[b, h, w, c] with [k, k, c, o], zero-padded by k // 2."""
    k = kernel.shape[0]
    p = k // 2
    x = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    patches = np.lib.stride_tricks.sliding_window_view(x, (k, k), (1, 2))[:, ::stride, ::stride]
    return np.tensordot(patches, kernel, axes=((4, 5, 3), (0, 1, 2)))


def max_pool(x):
    """3x3, stride 2, on non-negative maps zero-padded by 1."""
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))[:, ::2, ::2].max((4, 5))


def forward(x, layer, stage_sizes, *, stride_in_1x1, epsilon):
    """Feature maps of the stages, from a preprocessed input.

    `layer(stage, block, part)` gives kernel (HWIO), bias, gamma, beta, mean and variance of a
    convolution and its batch norm; part is 1, 2, 3 or `shortcut`, and the stem is (0, 0, 1).
    """

    def conv_bn(x, key, stride):
        kernel, bias, gamma, beta, mean, variance = layer(*key)
        x = convolve(x, kernel, stride) + bias
        return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta

    x = max_pool(np.maximum(conv_bn(x, (0, 0, 1), 2), 0))
    maps = []
    for stage, blocks in enumerate(stage_sizes, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            first, second = (stride, 1) if stride_in_1x1 else (1, stride)
            y = np.maximum(conv_bn(x, (stage, block, 1), first), 0)
            y = np.maximum(conv_bn(y, (stage, block, 2), second), 0)
            y = conv_bn(y, (stage, block, 3), 1)
            x = conv_bn(x, (stage, block, "shortcut"), stride) if block == 1 else x
            x = np.maximum(x + y, 0)
        maps.append(x)
    return maps


def random_variables(model, image):
    """Variables with random values, including statistics of batch normalisation."""
    shapes = jax.eval_shape(model.init, jax.random.key(0), image)
    rng = np.random.default_rng(0)

    def draw(path, shape):
        if path[-1] == "kernel":
            values = rng.normal(size=shape.shape) / np.sqrt(np.prod(shape.shape[:-1]))
        elif path[-1] in ("scale", "var"):
            values = rng.uniform(0.5, 1.5, shape.shape)
        else:
            values = rng.normal(size=shape.shape) * 0.1
        return values.astype(np.float32)

    flat = traverse_util.flatten_dict(shapes)
    return traverse_util.unflatten_dict({path: draw(path, flat[path]) for path in flat})
