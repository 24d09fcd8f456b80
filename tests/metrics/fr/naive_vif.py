"""VIF in float64, from the paper and what the authors' program does, block by block."""

import numpy as np
from scipy import ndimage

from jiqa.metrics.fr import vif


def bands(grey):
    """Vertical and horizontal edges of four levels, the finest first."""
    low = ndimage.correlate(grey, vif.LOWPASS_0, mode="mirror")
    out = []
    for level in range(4):
        if level:
            low = ndimage.correlate(low, vif.LOWPASS, mode="mirror")[::2, ::2]
        out.append(ndimage.correlate(low, vif.EDGES, mode="mirror"))
        out.append(ndimage.correlate(low, vif.EDGES.T, mode="mirror"))
    return out


def information(x, y, window):
    height, width = x.shape[0] // 3, x.shape[1] // 3
    x, y = x[: 3 * height, : 3 * width], y[: 3 * height, : 3 * width]
    half = window // 2
    wide_x, wide_y = (np.pad(m, half, mode="reflect") for m in (x, y))
    every = np.lib.stride_tricks.sliding_window_view(x, (3, 3)).reshape(-1, 9)
    covariance = np.cov(every.T, bias=True)
    eigenvalues, vectors = np.linalg.eigh(covariance)
    margin = -(-half // 3)
    num = den = 0
    for i in range(margin, height - margin):
        for j in range(margin, width - margin):
            top, left = 3 * i + 1, 3 * j + 1
            a, b = (m[top : top + window, left : left + window].ravel() for m in (wide_x, wide_y))
            cov, var_x, var_y = np.mean((a - a.mean()) * (b - b.mean())), a.var(), b.var()
            gain, noise = (cov / var_x, var_y - cov**2 / var_x) if var_x else (0, var_y)
            if gain < 0:
                gain, noise = 0, var_y
            block = vectors.T @ x[3 * i : 3 * i + 3, 3 * j : 3 * j + 3].ravel()
            signal = np.mean(block**2 / eigenvalues) * eigenvalues
            num += np.log2(1 + gain**2 * signal / (max(noise, 0) + 0.4)).sum()
            den += np.log2(1 + signal / 0.4).sum()
    return num, den


def score(grey, ref):
    """Of [h, w] in 0..255."""
    pairs = zip(bands(ref), bands(grey), (17, 17, 9, 9, 5, 5, 3, 3), strict=True)
    parts = np.array([information(*pair) for pair in pairs])
    return parts[:, 0].sum() / parts[:, 1].sum()
