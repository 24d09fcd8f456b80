"""SSIM and MS-SSIM in NumPy and SciPy, step by step as in the authors' descriptions."""

import numpy as np
from scipy import ndimage, signal

GREY = np.linalg.inv([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.106, 1.703]])[0]


def grey(image):
    """rgb2gray of uint8."""
    return np.floor(image @ GREY + 0.5)


def gaussian():
    y, x = np.mgrid[-5:6, -5:6]
    window = np.exp(-(x**2 + y**2) / (2 * 1.5**2))
    return window / window.sum()


def maps(x, y, filter2):
    """SSIM's map, and that of contrast and structure alone."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my = filter2(x), filter2(y)
    vx, vy, cov = filter2(x**2) - mx**2, filter2(y**2) - my**2, filter2(x * y) - mx * my
    cs = (2 * cov + c2) / (vx + vy + c2)
    return (2 * mx * my + c1) / (mx**2 + my**2 + c1) * cs, cs


def valid(x):
    return signal.correlate2d(x, gaussian(), "valid")


def shrink(x, n):
    """imfilter(x, ones(n) / n^2, 'symmetric'), then x(1:n:end, 1:n:end)."""
    origin = 0 if n % 2 else -1  # SciPy's centre of an even kernel is one further
    return ndimage.uniform_filter(x, n, mode="reflect", origin=origin)[::n, ::n]


def ssim(image, ref):
    x, y = grey(image), grey(ref)
    f = max(1, int(np.floor(min(x.shape) / 256 + 0.5)))
    return maps(shrink(x, f), shrink(y, f), valid)[0].mean()


def ssim_matlab(image, ref):
    """MATLAB's built-in ssim: full size, imfilter with 'replicate', mean of the whole map."""

    def replicate(x):
        return ndimage.correlate(x, gaussian(), mode="nearest")

    return maps(grey(image), grey(ref), replicate)[0].mean()


def ms_ssim(image, ref):
    """ssim_mscale_new.m: filter2(ones(2) / 4, x, 'valid'), then x(1:2:M-1, 1:2:N-1)."""
    x, y = grey(image), grey(ref)
    product = 1.0
    for weight in [0.0448, 0.2856, 0.3001, 0.2363]:
        product *= maps(x, y, valid)[1].mean() ** weight
        x, y = (signal.correlate2d(m, np.ones((2, 2)) / 4, "valid")[::2, ::2] for m in (x, y))
    return product * maps(x, y, valid)[0].mean()


def ms_ssim_pyiqa(image, ref):
    """msssim.m, as pyiqa: imfilter with 'symmetric', an exponent at every scale."""
    x, y = grey(image), grey(ref)
    product = 1.0
    for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        full, cs = maps(x, y, valid)
        product *= (full if scale == 4 else cs).mean() ** weight
        x, y = shrink(x, 2), shrink(y, 2)
    return product
