"""IL-NIQE: mean distance of an image's patches from a model of pristine photographs' patches.

Zhang, Zhang, Bovik, A feature-enriched completely blind image quality evaluator, IEEE TIP 24(8),
2015. Sec. III: 234 features at each of two scales: normalised coefficients and their products,
gradients and log-Gabor responses in an opponent space, log-chroma; sec. IV: principal components
and the distance of every patch. 0 and up, lower is better.

Deviations and choices: as in the authors' MATLAB release: images of any size become 524x524,
rounded as uint8 images are; blocks of 84x84 from the top left; the parameters of Weibull
distributions are those of greatest likelihood (MATLAB's wblfit), by Newton's method in log space. A
patch with a feature that is not a number gets the mean patch's score. The mean of both covariances
is inverted, where the authors use pinv.
"""

import math
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.errors import InputError
from jiqa.metrics.nr import files
from jiqa.metrics.nr.niqe import block_features, blocks, known
from jiqa.ops import distributions, filters, phase
from jiqa.ops.colour import nearest
from jiqa.ops.distributions import Gaussian, over
from jiqa.ops.powers import root
from jiqa.ops.resize import imresize

SIDE = 524
BLOCK = 84
FEATURES = 468

# Geusebroek's opponent colours, rounded as in the authors' code.
_OPPONENT = ((0.3, 0.04, -0.35), (0.34, -0.6, 0.17), (0.06, 0.63, 0.27))
_CHROMA = (
    (1 / math.sqrt(3), 1 / math.sqrt(3), 1 / math.sqrt(3)),
    (1 / math.sqrt(6), 1 / math.sqrt(6), -2 / math.sqrt(6)),
    (1 / math.sqrt(2), -1 / math.sqrt(2), 0.0),
)
_EPS = 2.0**-52

# Steps of Newton's method; a fifth would change nothing in float32.
_STEPS = 5


def il_niqe(image: jax.Array, *, params: Gaussian) -> jax.Array:
    """Scores [b] of images [b, h, w, 3] in [0, 1], of any size; see the module."""
    found, _ = features(image)
    whole = jnp.isfinite(found).all(-1, keepdims=True)
    mean = over(
        jnp.where(whole, found, 0.0).sum(1, keepdims=True),
        whole.sum(1, keepdims=True).astype(found.dtype),
    )
    return params.distance(jnp.where(whole, found, mean), found).mean(1)


def prepare(image: jax.Array) -> jax.Array:
    """Images [b, h, w, 3] at 524x524, rounded to 8 bits, in [0, 1]."""
    return nearest(jnp.clip(imresize(255 * image, (SIDE, SIDE)), 0, 255)) / 255


def features(image: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Features [b, 36, 468] of the blocks of each image, and their sharpness [b, 36]."""
    x = nearest(255 * prepare(image))
    x = jnp.moveaxis(x, -1, 1)[..., : SIDE // BLOCK * BLOCK, : SIDE // BLOCK * BLOCK]
    channels = jnp.concatenate([_mix(x, _OPPONENT), x], 1)
    found, sharpness = _scale(channels, 1)
    coarse, _ = _scale(_each(_smaller, channels), 2)
    return jnp.concatenate([found, coarse], -1), sharpness


def _mix(x: jax.Array, rows: tuple[tuple[float, ...], ...]) -> jax.Array:
    """Weighted sums of channels by `rows`, [b, 3, h, w] -> [b, len(rows), h, w]."""
    return jnp.stack([sum(w * x[:, i] for i, w in enumerate(row)) for row in rows], 1)


def _each(function: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """Applies a function of maps [b, h, w] to every channel of [b, c, h, w]."""
    out = function(x.reshape(-1, *x.shape[2:]))
    return out.reshape(*x.shape[:2], *out.shape[1:])


def _smaller(x: jax.Array) -> jax.Array:
    line = filters.gaussian_line(6, 0.9)
    return filters.separable(x, line, line, "replicate")[:, ::2, ::2]


def _scale(x: jax.Array, scale: int) -> tuple[jax.Array, jax.Array]:
    """Opponent channels and RGB [b, 6, h, w] -> features [b, n, 234], sharpness [b, n]."""
    side = BLOCK // scale

    def cut(maps: jax.Array) -> jax.Array:
        """Cuts maps into square blocks, [b, c, h, w] -> [b, n, c, side, side]."""
        return _each(lambda x: blocks(x, side), maps).swapaxes(1, 2)

    opponent, rgb = x[:, :3], x[:, 3:]
    normal, deviation = distributions.mscn(opponent[:, 2], size=5, sigma=5 / 6)
    log = jnp.log(rgb + 1e-5)
    chroma = cut(_mix(log - log.mean((2, 3), keepdims=True), _CHROMA))
    responses = _log_gabor(opponent[:, 2], scale)
    steps, magnitude = _gradient(opponent, scale)
    fine_steps, fine_magnitude = _gradient(responses, scale)
    moments = jnp.stack([chroma.mean((3, 4)), chroma.var((3, 4), ddof=1)], -1)
    out = [
        block_features(blocks(normal, side)),
        _flat(_weibull(cut(magnitude))),
        _flat(moments),
        _flat(_generalised(cut(jnp.concatenate([steps, responses, fine_steps], 1)))),
        _flat(_weibull(cut(fine_magnitude))),
    ]
    return jnp.concatenate(out, -1), blocks(deviation, side).mean((2, 3))


def _flat(x: jax.Array) -> jax.Array:
    """Joins channels and their parameters, [b, n, c, 2] -> [b, n, 2 c]."""
    return x.reshape(*x.shape[:2], -1)


def _gradient(x: jax.Array, scale: int) -> tuple[jax.Array, jax.Array]:
    """Derivatives [b, 2 c, h, w] of maps [b, c, h, w], alternating x and y; their magnitudes."""
    sigma = 1.66 / scale**0.28
    place = np.arange(-math.ceil(3 * sigma), math.ceil(3 * sigma) + 1)
    smooth = np.exp(-(place**2) / (2 * sigma**2))
    slope = -place * smooth
    across = _each(lambda m: filters.separable(m, slope, smooth, "zero"), x)
    down = _each(lambda m: filters.separable(m, smooth, slope, "zero"), x)
    steps = jnp.stack([across, down], 2)
    return steps.reshape(x.shape[0], -1, *x.shape[2:]), root(across**2 + down**2) + _EPS


def _log_gabor(x: jax.Array, scale: int) -> jax.Array:
    """Responses [b, 24, h, w] of maps [b, h, w]: 3 wavelengths, 4 angles, real and imaginary."""
    u, v = phase.frequencies(*x.shape[1:])
    radius = np.hypot(u, v)
    low = 1 / (1 + (radius / 0.45) ** 30)
    bank = [
        low
        * phase.log_gabor(radius, scale**0.87 / (2.4 * 1.31**k), math.log(0.55))
        * phase.spread(u, v, angle * math.pi / 4, math.pi / 4 / 1.10)
        for k in range(3)
        for angle in range(4)
    ]
    bank = jnp.asarray(np.stack(bank), x.dtype)
    responses = jnp.fft.ifft2(jnp.fft.fft2(x)[:, None] * bank[None])
    both = jnp.stack([responses.real, responses.imag], 2)
    return both.reshape(x.shape[0], -1, *x.shape[1:])


def _generalised(x: jax.Array) -> jax.Array:
    """Shape and mean of left and right scale, [b, n, c, side, side] -> [b, n, c, 2]."""
    fit = distributions.aggd(x, (3, 4))
    left, right = known(fit)
    return jnp.stack([fit.shape, (left + right) / 2], -1)


def _weibull(x: jax.Array) -> jax.Array:
    """Scale and shape of greatest likelihood, [b, n, c, side, side] -> [b, n, c, 2].

    Newton's method solves mean(x^k log x) / mean(x^k) - 1 / k = mean(log x), whose left side
    rises with k. The first k comes from the deviation of log x.
    """
    log = jnp.log(x)
    mean = log.mean((3, 4), keepdims=True)
    log -= mean  # keeps the powers in range

    def step(_: int, k: jax.Array) -> jax.Array:
        weight = jax.nn.softmax(k * log, (3, 4))
        first = (weight * log).sum((3, 4), keepdims=True)
        slope = (weight * (log - first) ** 2).sum((3, 4), keepdims=True) + 1 / k**2
        # Never less than half of the last k: a longer step would go below 0.
        return jnp.maximum(k - (first - 1 / k) / slope, k / 2)

    deviation = jnp.sqrt((log**2).mean((3, 4), keepdims=True))
    start = jnp.minimum(1.2 / jnp.maximum(deviation, 1e-6), 1e4)
    shape = jax.lax.fori_loop(0, _STEPS, step, start)
    power = jax.nn.logsumexp(shape * log, (3, 4), keepdims=True) - math.log(log[0, 0, 0].size)
    scale = jnp.exp(power / shape + mean)
    return jnp.stack([scale, shape], -1)[..., 0, 0, :]


_CELLS = ("mu_prisparam", "cov_prisparam", "meanOfSampleData", "principleVectors")


def load(path: str | Path | None = None) -> Gaussian:
    """The pristine model, from a file or, where `path` is None, from the package.

    A .npz holds `centre` [468], `components` [468, k], `mean` [k] and `covariance` [k, k], as
    written by `jiqa fit`. The authors' .mat holds mu_prisparam, cov_prisparam,
    meanOfSampleData and principleVectors (either way round) as the cells of templateModel.

    Raises:
        InputError: the file is missing, lacks a field, or has a field of another size.
    """
    path = files.chosen(path, "il_niqe.npz")
    names = {
        "centre": ("centre", "meanOfSampleData"),
        "components": ("components", "principleVectors"),
        "mean": ("mean", "mu_prisparam"),
        "covariance": ("covariance", "cov_prisparam"),
    }
    found = files.read(path, names, {"templateModel": _CELLS})
    components = found["components"]
    if len(components) != FEATURES:
        components = components.T
    components = files.shaped(path, "components", components, (FEATURES, -1))
    count = components.shape[1]
    centre = files.shaped(path, "centre", found["centre"].reshape(-1), (FEATURES,))
    mean = files.shaped(path, "mean", found["mean"].reshape(-1), (count,))
    covariance = files.shaped(path, "covariance", found["covariance"], (count, count))
    # The components are orthonormal: distances from this mean and from the authors' agree.
    inner = Gaussian.fit(mean, covariance, str(path))
    whiten = inner.whiten @ components.T.astype(np.float32)
    return Gaussian(np.asarray(centre + components @ mean, np.float32), whiten)


def model(rows: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays that `load` reads, from features [n, 468] of pristine blocks.

    The authors keep 430 components of 90 photographs. Here at most n / 4 are kept for n blocks, so
    that the smallest variance is more than noise.

    Raises:
        InputError: fewer than four blocks.
    """
    if len(rows) < 4:
        raise InputError(f"rows: found {len(rows)} sharp blocks, expected 4 or more")
    centre = rows.mean(0)
    variances, components = np.linalg.eigh(np.cov(rows.T))
    count = min(430, len(rows) // 4)
    return {
        "centre": centre.astype(np.float32),
        "components": components[:, ::-1][:, :count].astype(np.float32),
        "mean": np.zeros(count, np.float32),
        "covariance": np.diag(variances[::-1][:count]),
    }
