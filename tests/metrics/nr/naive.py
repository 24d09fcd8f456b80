"""The hand-crafted measures' stages in NumPy and SciPy, float64, written from papers and loops."""

import math

import numpy as np
from scipy import fft, ndimage, optimize, signal, special

GRID = np.arange(0.2, 10.0005, 0.001)
MODES = {"replicate": "nearest", "zero": "constant", "symmetric": "reflect"}


def grey(image):
    """uint8 [h, w, 3] -> float64 [h, w], MATLAB's rgb2gray of uint8."""
    weights = np.linalg.inv([[1, 0.956, 0.621], [1, -0.272, -0.647], [1, -1.106, 1.703]])[0]
    return np.floor(image.astype(np.float64) @ weights + 0.5)


def window(size, sigma):
    r = np.arange(size) - (size - 1) / 2
    out = np.exp(-(r[:, None] ** 2 + r[None] ** 2) / (2 * sigma**2))
    return out / out.sum()


def filtered(x, kernel, padding):
    return ndimage.correlate(x, kernel, mode=MODES[padding])


def mscn(x, padding="replicate", size=7, sigma=7 / 6):
    kernel = window(size, sigma)
    mean = filtered(x, kernel, padding)
    deviation = np.sqrt(np.abs(filtered(x * x, kernel, padding) - mean**2))
    away = np.where(np.abs(x - mean) < 1e-9, 0, x - mean)  # the rounding errors of flat windows
    return away / (deviation + 1), deviation


def halve(x):
    """MATLAB's imresize(x, 0.5), pixel by pixel."""

    def weight(t):
        t = abs(t) / 2
        if t <= 1:
            return 1.5 * t**3 - 2.5 * t**2 + 1
        return -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2 if t <= 2 else 0.0

    def lines(x):
        out = np.zeros(((len(x) + 1) // 2, x.shape[1]))
        for i in range(len(out)):
            centre, total = 2 * i + 0.5, 0.0
            for k in range(2 * i - 4, 2 * i + 6):
                w = weight(centre - k)
                mirrored = -k - 1 if k < 0 else k if k < len(x) else 2 * len(x) - 1 - k
                out[i] += w * x[mirrored]
                total += w
            out[i] /= total
        return out

    return lines(lines(x).T).T


def ratio(shape):
    gamma = special.gamma
    return gamma(2 / shape) ** 2 / (gamma(1 / shape) * gamma(3 / shape))


def ggd(x):
    variance = np.mean(x**2)
    rho = variance / np.mean(np.abs(x)) ** 2
    return GRID[np.argmin(np.abs(rho - 1 / ratio(GRID)))], variance


def aggd(x):
    left = np.sqrt(np.mean(x[x < 0] ** 2))
    right = np.sqrt(np.mean(x[x >= 0] ** 2))
    skew = left / right
    found = np.mean(np.abs(x)) ** 2 / np.mean(x**2)
    found *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = GRID[np.argmin((ratio(GRID) - found) ** 2)]
    gamma = special.gamma
    mean = (right - left) * gamma(2 / shape) / gamma(1 / shape)
    mean *= math.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, mean, left, right


def scales(x):
    """aggd with the density's scales in place of the deviations."""
    shape, mean, left, right = aggd(x)
    factor = math.sqrt(special.gamma(1 / shape) / special.gamma(3 / shape))
    return shape, mean, left * factor, right * factor


def brisque_features(image):
    x, out = grey(image), []
    for _ in range(2):
        y, _ = mscn(x, "zero")
        out += ggd(y)
        for shift in ((0, 1), (1, 0), (1, 1), (-1, 1)):
            shape, mean, left, right = aggd(y * np.roll(y, shift, (0, 1)))
            out += [shape, mean, left**2, right**2]
        x = halve(x)
    return np.array(out)


def niqe_features(image):
    """[n, 36] and the sharpness [n]."""
    x = grey(image)
    x = x[: len(x) // 96 * 96, : x.shape[1] // 96 * 96]
    pair, sharp = [], []
    for side in (96, 48):
        y, deviation = mscn(x)
        rows = []
        for top in range(0, len(y), side):
            for left_ in range(0, y.shape[1], side):
                block = y[top : top + side, left_ : left_ + side]
                shape, _, left, right = scales(block)
                row = [shape, (left + right) / 2]
                for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
                    row += scales(block * np.roll(block, shift, (0, 1)))
                rows.append(row)
                sharp.append(deviation[top : top + side, left_ : left_ + side].mean())
        pair.append(rows)
        x = halve(x)
    found = np.concatenate(pair, -1)
    return found, np.array(sharp[: len(found)])


def niqe(image, mean, covariance, kept=slice(None)):
    found = niqe_features(image)[0][:, kept]
    away = mean - np.nanmean(found, 0)
    whole = found[~np.isnan(found).any(1)]
    middle = (covariance + np.cov(whole.T)) / 2
    return math.sqrt(away @ np.linalg.pinv(middle) @ away)


def piqe(image):
    x = grey(image)
    x = np.pad(x, [(0, -side % 16) for side in x.shape], mode="edge")
    x, _ = mscn(x)
    total, active = 0.0, 0
    for top in range(0, len(x), 16):
        for left in range(0, x.shape[1], 16):
            block = x[top : top + 16, left : left + 16]
            variance = block.var(ddof=1)
            if variance <= 0.1:
                continue
            active += 1
            edges = (block[0], block[-1], block[:, 0], block[:, -1])
            if any(e[k : k + 6].std(ddof=1) < 0.1 for e in edges for k in range(11)):
                total += 1 - variance
            surround = np.delete(block, (7, 9), axis=1)
            centre = block[:, 7:9].std(ddof=1) / surround.std(ddof=1)
            deviation = math.sqrt(variance)
            if deviation > 2 * abs(deviation - centre) / max(deviation, centre):
                total += variance
    return (total + 1) / (active + 1) * 100


def gm_log(image):
    x = grey(image)
    wide = window(7, 0.5)
    across = wide[1:-1, 1:-1] - wide[1:-1, 2:]
    down = wide[1:-1, 1:-1] - wide[2:, 1:-1]
    gx, gy = (filtered(x, k / np.abs(k).sum(), "zero") for k in (across, down))
    r2 = np.add.outer(np.arange(-2, 3) ** 2, np.arange(-2, 3) ** 2)
    log = window(5, 0.5) * (r2 - 0.5) / 0.5**4
    log -= log.sum() / 25
    maps = [np.hypot(gx, gy) / 2.5, np.abs(filtered(x, log / np.abs(log).sum(), "zero"))]
    local = np.sqrt(filtered((maps[0] ** 2 + maps[1] ** 2) / 2, window(7, 1.0), "zero")) + 0.2
    levels = [np.clip(np.ceil(m / local / 0.2), 1, 10).astype(int)[2:-2, 2:-2] for m in maps]
    joint = np.zeros((10, 10))
    for g, l_ in zip(levels[0].ravel(), levels[1].ravel(), strict=True):
        joint[g - 1, l_ - 1] += 1
    joint /= joint.sum()
    pg, pl = joint.sum(1), joint.sum(0)
    qg = np.array([sum(joint[i, j] / (pl[j] + 1e-4) for j in range(10)) for i in range(10)])
    ql = np.array([sum(joint[i, j] / (pg[i] + 1e-4) for i in range(10)) for j in range(10)])
    return np.concatenate([pg, pl, qg / qg.sum(), ql / ql.sum()])


def blocks_of_5(x):
    """DCTs [n, 5, 5] of the 5x5 neighbourhoods of 3x3 blocks, zeros beyond the border."""
    height, width = (-(-side // 3) * 3 for side in x.shape)
    padded = np.zeros((height + 2, width + 2))
    padded[1 : 1 + x.shape[0], 1 : 1 + x.shape[1]] = x
    return [
        fft.dctn(padded[i : i + 5, j : j + 5], norm="ortho")
        for i in range(0, height, 3)
        for j in range(0, width, 3)
    ]


def bliinds_shape(c):
    g = np.arange(0.03, 10.0005, 0.001)
    log = special.gammaln
    r = np.exp(log(1 / g) + log(3 / g) - 2 * log(2 / g))
    rho = np.var(c, ddof=1) / (np.mean(np.abs(c - c.mean())) ** 2 + 1e-7)
    found = np.flatnonzero((r[1:] < rho) & (rho <= r[:-1]))
    return g[found[0]] if len(found) else 11.0


def bliinds_ii(image):
    def variation(c):
        return np.std(np.abs(c), ddof=1) / (np.mean(np.abs(c)) + 1e-7)

    x, out = grey(image), []
    for _ in range(3):
        rows = []
        for c in blocks_of_5(x):
            bands = ([], [], [])
            sectors = ([], [], [])
            for u in range(5):
                for v in range(5):
                    if (u, v) == (0, 0):
                        continue
                    bands[0 if u + v <= 2 else 2 if u + v >= 6 else 1].append(c[u, v])
            for u, v in ((0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 4)):
                sectors[0].append(c[u, v])
                sectors[2].append(c[v, u])
            for u, v in ((1, 1), (2, 2), (2, 3), (3, 2), (3, 3), (3, 4), (4, 3), (4, 4)):
                sectors[1].append(c[u, v])
            low, mid, high = (np.var(band, ddof=1) for band in bands)
            both = (low + mid) / 2
            ratio = abs(high - both) / (high + both + 1e-8)
            ratio = (ratio + abs(mid - low) / (high + low + 1e-8)) / 2
            flat = c.ravel()[1:]
            spread = np.var([variation(np.array(s)) for s in sectors], ddof=1)
            rows.append((variation(flat), bliinds_shape(flat), ratio, spread))
        count = math.ceil(len(rows) / 10)
        for column, best in zip(np.array(rows).T, (-1, 1, -1, -1), strict=True):
            out += [column.mean(), (best * np.sort(best * column))[:count].mean()]
        x = filtered(x, window(3, 0.5), "zero")[1::2, 1::2]
    return np.array(out)


def resized(image, sizes, scales):
    """[h, w, ...] at `sizes`, a row and a column at a time, from MATLAB's documentation."""
    for size, scale in zip(sizes, scales, strict=True):
        image = _resized_line(image, size, scale).swapaxes(0, 1)
    return image


def _resized_line(line, size, scale):
    """The first axis, with Keys' kernel."""

    def keys(t):
        t = abs(t)
        if t <= 1:
            return 1.5 * t**3 - 2.5 * t**2 + 1
        return -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2 if t <= 2 else 0.0

    shrink = min(scale, 1.0)
    out = []
    for i in range(1, size + 1):
        u = i / scale + 0.5 * (1 - 1 / scale)
        total = weight = 0.0
        for k in range(math.floor(u - 2 / shrink) - 1, math.ceil(u + 2 / shrink) + 2):
            inside = 1 - k if k < 1 else (2 * len(line) + 1 - k if k > len(line) else k)
            w = keys((u - k) * shrink)
            total, weight = total + w * line[inside - 1], weight + w
        out.append(total / weight)
    return np.array(out)


def il_niqe_maps(image, scale):
    """The 109 maps of 524x524 pixels whose blocks IL-NIQE describes, in the order of its code."""
    x = image[:504, :504].astype(np.float64).transpose(2, 0, 1)
    r, g, b = x
    o = [
        0.3 * r + 0.04 * g - 0.35 * b,
        0.34 * r - 0.6 * g + 0.17 * b,
        0.06 * r + 0.63 * g + 0.27 * b,
    ]
    channels = [*o, r, g, b]
    if scale == 2:
        channels = [_second(c) for c in channels]
    o, (r, g, b) = channels[:3], channels[3:]
    log = [np.log(c + 1e-5) for c in (r, g, b)]
    lr, lg, lb = (c - c.mean() for c in log)
    sigma = 1.66 / scale**0.28
    place = np.arange(-math.ceil(3 * sigma), math.ceil(3 * sigma) + 1)
    dx = place[None] * np.exp(-(place[None] ** 2 + place[:, None] ** 2) / 2 / sigma**2)

    def gradient(m):
        both = [signal.fftconvolve(m, k, "same") for k in (dx, dx.T)]
        return [*both, np.hypot(*both) + np.finfo(float).eps]

    edges = [gradient(m) for m in o]
    size = len(o[2])
    axis = np.arange(-size / 2, size / 2) / size
    u, v = (np.fft.ifftshift(a) for a in np.meshgrid(axis, axis))
    radius, theta = np.hypot(u, v), np.arctan2(-v, u)
    radius[0, 0] = 1
    responses, fine = [], []
    for k in range(3):
        centre = scale**0.87 / (2.4 * 1.31**k)
        band = np.exp(-(np.log(radius / centre) ** 2) / 2 / math.log(0.55) ** 2)
        band *= 1 / (1 + (radius / 0.45) ** 30)
        band[0, 0] = 0
        for angle in range(4):
            turn = angle * math.pi / 4
            ds = np.sin(theta) * math.cos(turn) - np.cos(theta) * math.sin(turn)
            dc = np.cos(theta) * math.cos(turn) + np.sin(theta) * math.sin(turn)
            spread = np.exp(-(np.arctan2(ds, dc) ** 2) / 2 / (math.pi / 4 / 1.1) ** 2)
            response = np.fft.ifft2(np.fft.fft2(o[2]) * band * spread)
            responses += [response.real, response.imag]
            fine += [gradient(response.real), gradient(response.imag)]
    return (
        [mscn(o[2], "replicate", 5, 5 / 6)[0]],
        [e[2] for e in edges],
        [(lr + lg + lb) / 3**0.5, (lr + lg - 2 * lb) / 6**0.5, (lr - lg) / 2**0.5],
        [m for e in edges for m in e[:2]] + responses + [m for e in fine for m in e[:2]],
        [e[2] for e in fine],
    )


def _second(x):
    kernel = window(6, 0.9)
    padded = np.pad(x, ((2, 3), (2, 3)), mode="edge")
    return signal.correlate2d(padded, kernel, "valid")[::2, ::2]


def weibull(x):
    log = np.log(x.ravel())

    def slope(k):
        power = np.exp(k * (log - log.max()))
        return (power * log).sum() / power.sum() - 1 / k - log.mean()

    k = optimize.brentq(slope, 0.05, 20)
    return np.exp(special.logsumexp(k * log) / k - math.log(log.size) / k), k


def il_niqe_blocks(image, places):
    """The 468 features of the blocks at places (row, column)."""
    maps = {84 // scale: il_niqe_maps(image, scale) for scale in (1, 2)}
    return np.array(
        [[x for side, m in maps.items() for x in _il_niqe_block(m, side, at)] for at in places]
    )


def _il_niqe_block(maps, side, place):
    cut = tuple(slice(i * side, (i + 1) * side) for i in place)
    (normal,), edges, chroma, symmetric, fine = ([m[cut] for m in kind] for kind in maps)
    out = _generalised(normal)
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        out += scales(normal * np.roll(normal, shift, (0, 1)))
    for m in edges:
        out += weibull(m)
    for m in chroma:
        out += [m.mean(), m.var(ddof=1)]
    for m in symmetric:
        out += _generalised(m)
    for m in fine:
        out += weibull(m)
    return out


def _generalised(m):
    shape, _, left, right = scales(m)
    return [shape, (left + right) / 2]
