"""VSI: similarity of saliency, gradient magnitude and chroma, weighted by saliency.

Zhang, Shen and Li, "VSI: a visual saliency-induced index for perceptual image quality assessment",
IEEE TIP 23(10), 2014, equations 4 to 9. Saliency is SDSP: Zhang, Gu and Li, "SDSP: a novel saliency
detection method by combining simple priors", ICIP 2013.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.metrics.fr.ssim import factor
from jiqa.ops.colour import lab, lmn
from jiqa.ops.filters import block_mean
from jiqa.ops.gradient import SCHARR, magnitude
from jiqa.ops.masks import replicated, shrunk, within
from jiqa.ops.phase import frequencies, log_gabor
from jiqa.ops.powers import power, real_power, root
from jiqa.ops.resize import imresize_within
from jiqa.ops.similarity import pooled, similarity

C1, C2, C3, ALPHA, BETA = 1.27, 386.0, 130.0, 0.40, 0.02
SIZE = 256  # side of the saliency map, in pixels
CENTRE, SIGMA_F, SIGMA_D, SIGMA_C = 0.021, 1.34, 145.0, 0.001
FLAT = 1e-3  # in L*a*b*: rounding makes 1e-5 of a flat image, others differ by 0.1
D50 = (0.9642, 1.0, 0.8251)


def vsi(
    image: jax.Array,
    ref: jax.Array,
    *,
    antialias: bool = True,
    size: jax.Array | None = None,
) -> jax.Array:
    """VSI [b] of images [b, h, w, 3] and references: 0 to 1, 1 for equal images; higher is better.

    Sides are 3 pixels or more. `size`: see `jiqa.ops.masks`.

    Deviations and choices:
      As in the authors' MATLAB code: the constants, the mean of f x f pixels at every f-th pixel
      (f = `factor` of SSIM), and the size of the saliency map. L*a*b* comes from XYZ for D65, over
      the white of D50.
      antialias: MATLAB's imresize widens its kernel when shrinking; pyiqa and piq resize the
      saliency map without antialiasing.
      Opposite hues make S_M S_N negative; the real part of the power is taken, as in that code.
      Two images without saliency (of one colour, up to rounding; 0 / 0 in that code) score 1.
    """
    f = factor(*image.shape[1:3])
    both = None if size is None else jnp.concatenate([size, size])
    maps = _maps(jnp.concatenate([ref, image]), f, antialias, both)
    (s1, s2), (g1, g2), (m1, m2), (n1, n2) = (jnp.split(x, 2) for x in maps)
    score = similarity(s1, s2, C1) * power(similarity(g1, g2, C2), ALPHA)
    score *= real_power(similarity(m1, m2, C3) * similarity(n1, n2, C3), BETA)
    weight = jnp.maximum(s1, s2)
    return pooled(score, weight)


def _maps(
    image: jax.Array, f: int, antialias: bool, size: jax.Array | None
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Saliency, gradient magnitude and the two chroma channels of every f-th pixel."""
    s, light, m, n = (
        within(block_mean(within(x, size), f, "zero"), shrunk(size, f))
        for x in (saliency(image, antialias, size), *jnp.unstack(lmn(image), axis=-1))
    )
    return s, magnitude(light, SCHARR), m, n


def saliency(image: jax.Array, antialias: bool = True, size: jax.Array | None = None) -> jax.Array:
    """Saliency [b, h, w] in 0..1 of images [b, h, w, 3]: band-passed, central and warm colours."""
    _, height, width, _ = image.shape
    small = imresize_within(image, (SIZE, SIZE), size=size, antialias=antialias)
    small = lab(small, white=D50)
    x, y = frequencies(SIZE, SIZE)
    radius = np.hypot(x, y)
    band = np.where(radius <= 0.5, log_gabor(radius, CENTRE, SIGMA_F), 0)
    half = jnp.asarray(band[None, :, : SIZE // 2 + 1, None], small.dtype)
    spectrum = jnp.fft.rfft2(small, axes=(1, 2)) * half
    passed = jnp.fft.irfft2(spectrum, (SIZE, SIZE), axes=(1, 2))
    offset = np.arange(1, SIZE + 1) - SIZE / 2
    central = jnp.asarray(np.exp(-(offset[:, None] ** 2 + offset**2) / SIGMA_D**2), small.dtype)
    chroma = _stretch(small[..., 1:])
    warm = 1 - jnp.exp(-(chroma**2).sum(-1) / SIGMA_C**2)
    salient = root((passed**2).sum(-1)) * central[None] * warm
    whole = imresize_within(salient, (height, width), target=size, antialias=antialias)
    # Repeating the border changes neither the lowest nor the highest value.
    return _stretch(whole if size is None else replicated(whole, size))


def _stretch(x: jax.Array) -> jax.Array:
    """Maps [b, h, w, ...] stretched to 0..1 over the positions; flat maps, up to rounding, to 0."""
    low, high = x.min((1, 2), keepdims=True), x.max((1, 2), keepdims=True)
    uneven = high - low > FLAT
    return jnp.where(uneven, (x - low) / jnp.where(uneven, high - low, 1.0), 0.0)
