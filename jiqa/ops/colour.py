"""Colour conversions from RGB, as metrics need them.

Every function takes RGB [..., 3] in [0, 1] and returns the image's float type.
"""

import jax
import jax.numpy as jnp

from jiqa.ops.powers import power

# The first row of the inverse of MATLAB's ntsc2rgb matrix, which rgb2gray uses.
RGB2GRAY = (0.2989360212937753847527155, 0.5870430744511212909351327, 0.1140209042551033243121518)

# Weights of ITU-R BT.601; rgb2gray's agree with them to three digits.
BT601 = (0.299, 0.587, 0.114)

# The first row of MATLAB's rgb2ycbcr: Y in 16..235 of R, G, B in [0, 1] (ITU-R BT.601).
_STUDIO = (65.481, 128.553, 24.966)

_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))
_LMN = ((0.06, 0.63, 0.27), (0.30, 0.04, -0.35), (0.34, -0.6, 0.17))

# Linear sRGB to XYZ (IEC 61966-2-1), and the matching white.
_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
D65 = (0.95047, 1.0, 1.08883)


def luma(
    image: jax.Array, *, rounded: bool = False, weights: tuple[float, float, float] = RGB2GRAY
) -> jax.Array:
    """Grey in 0..255 as MATLAB's rgb2gray, [..., 3] -> [...]; `rounded` as in uint8 images."""
    grey = _dot(255 * image, weights)
    return nearest(grey) if rounded else grey


def studio_luma(image: jax.Array) -> jax.Array:
    """Y of MATLAB's rgb2ycbcr in 16..235, rounded as in uint8 images, [..., 3] -> [...]."""
    return nearest(_dot(image, _STUDIO) + 16)


def yiq(image: jax.Array) -> jax.Array:
    """Y, I, Q with the three digits of FSIM's code, Y in 0..255; [..., 3] -> [..., 3]."""
    return _map(255 * image, _YIQ)


def lmn(image: jax.Array) -> jax.Array:
    """L, M, N of Geusebroek et al. (2001) as in VSI, from 0..255; [..., 3] -> [..., 3]."""
    return _map(255 * image, _LMN)


def lab(
    image: jax.Array,
    white: tuple[float, float, float] = D65,
    matrix: tuple[tuple[float, float, float], ...] = _XYZ,
) -> jax.Array:
    """CIE L*a*b* of sRGB, L* in 0..100; [..., 3] -> [..., 3].

    `white` is X, Y, Z of the white; `matrix` converts linear RGB to XYZ, in as many digits as the
    program to be matched has.
    """
    low = image <= 0.04045
    linear = jnp.where(low, image / 12.92, power((image + 0.055) / 1.055, 2.4))
    xyz = _map(linear, matrix)
    x, y, z = (_lab_curve(xyz[..., i] / white[i]) for i in range(3))
    return jnp.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _lab_curve(t: jax.Array) -> jax.Array:
    """CIE 15's curve: the cube root, and a line near black."""
    low = t <= (6 / 29) ** 3
    return jnp.where(low, t * (29 / 6) ** 2 / 3 + 4 / 29, power(jnp.where(low, 1.0, t), 1 / 3))


def nearest(x: jax.Array) -> jax.Array:
    """Nearest integer, halves upwards as MATLAB rounds x >= 0; the gradient is that of `x`."""
    return x + jax.lax.stop_gradient(jnp.floor(x + 0.5) - x)


def _map(image: jax.Array, rows: tuple[tuple[float, ...], ...]) -> jax.Array:
    return jnp.stack([_dot(image, row) for row in rows], axis=-1)


def _dot(image: jax.Array, weights: tuple[float, ...]) -> jax.Array:
    terms = [image[..., i] * w for i, w in enumerate(weights)]
    return terms[0] + terms[1] + terms[2]
