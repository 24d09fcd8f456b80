"""MAD in float64, from the paper and what the authors' program does, block by block."""

import numpy as np


def sensitivity(rows, columns):
    """[rows, columns], zero frequency in the middle."""
    csf = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            plane = complex(i - rows / 2 + 0.5, j - columns / 2 + 0.5) / columns * 64
            f = abs(plane) / (0.15 * np.cos(4 * np.angle(plane)) + 0.85)
            low = f < 7.8909
            csf[i, j] = (
                0.9809 if low else 2.6 * (0.0192 + 0.114 * f) * np.exp(-((0.114 * f) ** 1.1))
            )
    return csf


def corners(shape):
    return [(i, j) for i in range(0, shape[0] - 15, 4) for j in range(0, shape[1] - 15, 4)]


def rms(m):
    return np.sqrt(np.mean(m[16:-17, 16:-17] ** 2))


def detection(x, y):
    csf = sensitivity(*x.shape)

    def seen(grey):
        spectrum = np.fft.fftshift(np.fft.fft2(0.02874 * grey ** (2.2 / 3)))
        return np.fft.ifft2(np.fft.ifftshift(spectrum * csf)).real

    a, error = seen(x), seen(y) - seen(x)
    weighted = np.zeros(x.shape)
    squares = np.pad((x - y) ** 2, (7, 8), mode="symmetric")
    for i, j in corners(x.shape):
        mean = a[i : i + 16, j : j + 16].mean()
        parts = [a[k : k + 8, m : m + 8] for k in (i, i + 4) for m in (j, j + 4)]
        with np.errstate(divide="ignore"):
            masking = np.log(min(p.std(ddof=1) for p in parts) / mean)
            contrast = np.log(error[i : i + 16, j : j + 16].std(ddof=1) / mean)
        visible = max(contrast - max(masking, -5), 0) if mean >= 0.5 else 0
        for k in range(i, i + 4):
            for m in range(j, j + 4):
                weighted[k, m] = visible * squares[k : k + 16, m : m + 16].mean()
    return 200 * rms(weighted)


def gabor(grey, scale, orientation):
    rows, columns = grey.shape
    x = (np.arange(columns) - columns / 2) / (columns / 2)
    y = (np.arange(rows) - rows / 2) / (rows / 2)
    x, y = np.meshgrid(x, y)
    radius, theta = np.hypot(x, y), np.arctan2(-y, x)
    middle = int(np.floor(rows / 2 + 1.5)) - 1, int(np.floor(columns / 2 + 1.5)) - 1
    radius[middle] = 1
    radial = np.exp(-(np.log(radius / (2 / (3 * 3.0**scale))) ** 2) / (2 * np.log(0.55) ** 2))
    radial[middle] = 0
    angle = orientation * np.pi / 4
    sine = np.sin(theta) * np.cos(angle) - np.cos(theta) * np.sin(angle)
    cosine = np.cos(theta) * np.cos(angle) + np.sin(theta) * np.sin(angle)
    angular = np.exp(-(np.arctan2(sine, cosine) ** 2) / (2 * (np.pi / 4 / 1.5) ** 2))
    return np.abs(np.fft.ifft2(np.fft.fft2(grey) * np.fft.fftshift(radial * angular)))


def statistics(block):
    d = block - block.mean()
    variance = np.mean(d**2)
    moments = np.mean(d**3) / variance**1.5, np.mean(d**4) / variance**2
    return np.array([block.std(ddof=1), *moments])


def appearance(x, y):
    change = np.zeros(x.shape)
    for scale, weight in enumerate((0.5, 0.75, 1, 5, 6)):
        for orientation in range(4):
            a, b = gabor(x, scale, orientation), gabor(y, scale, orientation)
            for i, j in corners(x.shape):
                p, q = (statistics(m[i : i + 16, j : j + 16]) for m in (a, b))
                change[i : i + 4, j : j + 4] += weight / 13.25 * (np.abs(p - q) @ [1, 2, 1])
    return rms(change)
