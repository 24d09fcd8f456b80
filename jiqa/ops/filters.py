"""Filters of maps [b, h, w], in MATLAB's conventions, written as sums of shifted maps.

Kernels are NumPy arrays, known when the function is traced. A filter correlates, as MATLAB's
filter2 and imfilter do; conv2 is the filter with the kernel turned by 180 degrees. The result has
the map's size, except with `valid`. With an even number of taps, the centre is the tap before the
middle, as in MATLAB.
"""

import jax
import jax.numpy as jnp
import numpy as np

# MATLAB's names of the borders, and jnp.pad's; `reflect`, unknown to MATLAB, leaves out the edge.
_MODES = {"zero": "constant", "symmetric": "symmetric", "reflect": "reflect", "replicate": "edge"}


def gaussian(size: int, sigma: float) -> np.ndarray:
    """MATLAB's fspecial('gaussian', size, sigma): float64 [size, size] of sum 1."""
    line = gaussian_line(size, sigma)
    return np.outer(line, line)


def gaussian_line(size: int, sigma: float) -> np.ndarray:
    """One factor [size] of the separable `gaussian`, of sum 1."""
    line = np.exp(-((np.arange(size) - (size - 1) / 2) ** 2) / (2 * sigma**2))
    return line / line.sum()


def filter2(x: jax.Array, kernel: np.ndarray, padding: str = "zero") -> jax.Array:
    """Maps `x` [b, h, w] filtered by `kernel` [m, n]; a low-rank kernel as rows and columns.

    `padding`: valid, zero, symmetric, reflect or replicate.
    """
    kernel = np.asarray(kernel, np.float64)
    left, size, right = np.linalg.svd(kernel, full_matrices=False)
    rank = int((size > 1e-12 * size[0]).sum())
    x = pad(x, kernel.shape, padding)
    if rank * sum(kernel.shape) >= np.count_nonzero(kernel):
        return _correlate(x, kernel)
    lines = zip((left * size).T[:rank], right[:rank], strict=True)
    parts = [_row_by_column(x, row, column) for column, row in lines]
    return sum(parts[1:], start=parts[0])


def separable(
    x: jax.Array, row: np.ndarray, column: np.ndarray, padding: str = "zero"
) -> jax.Array:
    """Maps `x` [b, h, w] filtered along the rows by `row` [n], then the columns by `column` [m]."""
    return _row_by_column(pad(x, (len(column), len(row)), padding), row, column)


def block_mean(x: jax.Array, n: int, padding: str = "symmetric") -> jax.Array:
    """Mean of n x n neighbours at every n-th pixel: filter2(x, ones / n^2)[:, ::n, ::n]."""
    if n == 1:
        return x
    before = (n - 1) // 2
    whole = [-(-side // n) * n for side in x.shape[1:]]
    ends = [max(0, w - before - side) for w, side in zip(whole, x.shape[1:], strict=True)]
    x = jnp.pad(x, [(0, 0), *((before, end) for end in ends)], mode=_MODES[padding])
    for axis, end in enumerate(whole, start=1):
        parts = [jax.lax.slice_in_dim(x, i, end, stride=n, axis=axis) for i in range(n)]
        x = sum(parts[1:], start=parts[0])
    return x / n**2


def pad(x: jax.Array, kernel: tuple[int, ...], padding: str) -> jax.Array:
    """Maps `x` [b, h, w] with the border that keeps their size under a kernel of shape [m, n]."""
    if padding == "valid":
        return x
    margins = [((k - 1) // 2, k // 2) for k in kernel]
    return jnp.pad(x, [(0, 0), *margins], mode=_MODES[padding])


def _row_by_column(x: jax.Array, row: np.ndarray, column: np.ndarray) -> jax.Array:
    # Without the barrier XLA fuses both, and recomputes each row for every tap of the column.
    rows = jax.lax.optimization_barrier(_correlate(x, np.asarray(row)[None]))
    return _correlate(rows, np.asarray(column)[:, None])


def _correlate(x: jax.Array, kernel: np.ndarray) -> jax.Array:
    """Correlation without border, one term for each tap that is not 0."""
    height, width = (side - k + 1 for side, k in zip(x.shape[1:], kernel.shape, strict=True))
    terms = [
        x[:, i : i + height, j : j + width] * float(kernel[i, j])
        for i, j in np.argwhere(kernel).tolist()
    ]
    return sum(terms[1:], start=terms[0])
