"""Changes of tone and colour, in JAX.

Every mechanism is f(image [h, w, 3] in [0, 1], strength [], random numbers or None) -> [h, w, 3].
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.data.distort import blur
from jiqa.ops.colour import D65, lab

_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_FROM_CONE = np.linalg.inv(np.divide(_XYZ, np.reshape(D65, (3, 1)))).astype(np.float32)

rgb_to_lab = functools.partial(lab, matrix=_XYZ)


def luma(image: jax.Array) -> jax.Array:
    """BT.601 luma, [h, w, 3] -> [h, w]."""
    return jnp.einsum("hwc,c->hw", image, np.array([0.299, 0.587, 0.114], np.float32))


def lab_to_rgb(lab: jax.Array) -> jax.Array:
    """RGB from L*a*b*, the inverse of `rgb_to_lab`; colours outside sRGB are clipped to [0, 1]."""
    y = (lab[..., 0] + 16) / 116
    root = jnp.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    ratio = jnp.where(root > 6 / 29, root**3, (116 * root - 16) * 27 / 24389)
    linear = jnp.clip(jnp.einsum("hwx,cx->hwc", ratio, _FROM_CONE), 0, 1)
    curved = 1.055 * jnp.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return jnp.where(linear > 0.0031308, curved, 12.92 * linear)


def shift(image: jax.Array, amount: jax.Array, _: None) -> jax.Array:
    """Every sample plus `amount`."""
    return image + amount


def linear_contrast(image: jax.Array, factor: jax.Array, _: None) -> jax.Array:
    """Distances from each channel's mean multiplied by `factor`."""
    mean = image.mean((0, 1), keepdims=True)
    return mean + factor * (image - mean)


def contrast_curve(image: jax.Array, amount: jax.Array, _: None) -> jax.Array:
    """Tone curve: the cubic through 0, 1, (1/4, 1/4 - amount / 4) and (3/4, 3/4 + amount / 4)."""
    return image + 8 / 3 * amount * image * (1 - image) * (2 * image - 1)


def brighten(image: jax.Array, amount: jax.Array, _: None) -> jax.Array:
    """Tone curve: the parabola through 0, 1, (1/2, 1/2 + amount / 2); 2/3 on RGB, 1/3 on L*."""
    lab = rgb_to_lab(image)
    lightness = 100 * _parabola(lab[..., :1] / 100, amount)
    on_rgb = jnp.clip(_parabola(image, amount), 0, 1)
    return (2 * on_rgb + lab_to_rgb(lab.at[..., :1].set(lightness))) / 3


def darken(image: jax.Array, amount: jax.Array, _: None) -> jax.Array:
    """`brighten` with minus `amount`."""
    return brighten(image, -amount, None)


def _parabola(x: jax.Array, amount: jax.Array) -> jax.Array:
    return jnp.clip(x + 2 * amount * x * (1 - x), 0, 1)


def saturate_hsv(image: jax.Array, factor: jax.Array, _: None) -> jax.Array:
    """Saturation multiplied by `factor` in HSV; hue and value are kept; below 0 the hue inverts.

    At the value v a channel c is v (1 - s k), where the hue decides k, so that multiplying s by
    `factor` gives v - factor (v - c).
    """
    value = image.max(-1, keepdims=True)
    return value - factor * (value - image)


def saturate_lab(image: jax.Array, factor: jax.Array, _: None) -> jax.Array:
    """a* and b* multiplied by `factor`."""
    lab = rgb_to_lab(image)
    return lab_to_rgb(lab.at[..., 1:].multiply(factor))


def diffuse(image: jax.Array, amount: jax.Array, _: None) -> jax.Array:
    """a* and b* blurred by a Gaussian of deviation 2 + 1.5 amount, then multiplied by `amount`."""
    lab = rgb_to_lab(image)
    chroma = amount * blur.imgaussfilt(lab[..., 1:], 2 + 1.5 * amount, None)
    return lab_to_rgb(lab.at[..., 1:].set(chroma))


def sharpen(image: jax.Array, amount: jax.Array, _: None) -> jax.Array:
    """Lightness plus `amount` times its difference from a Gaussian blur of deviation 3."""
    lab = rgb_to_lab(image)
    detail = lab[..., :1] - blur.imgaussfilt(lab[..., :1], jnp.float32(3), None)
    return lab_to_rgb(lab.at[..., :1].add(amount * detail))


def quantize(image: jax.Array, step: jax.Array, _: None) -> jax.Array:
    """Every sample rounded to the nearest multiple of `step`."""
    return jnp.round(image / step) * step


LEVELS = 20  # at most, in `quantize_otsu`


def quantize_otsu(image: jax.Array, levels: jax.Array, _: None) -> jax.Array:
    """Samples quantized to the `levels` values of least squared error, by Otsu's thresholds.

    Dynamic programming over the histogram of all samples in 256 bins: `best[k, b]` is the most that
    k + 1 classes explain of the bins up to b, computed from k - 1, and `first[k, b]` the start of
    the last class.
    """
    bins = jnp.round(image * 255).astype(jnp.int32)
    values = jnp.arange(256.0)
    count = jnp.zeros(256).at[bins.ravel()].add(1) / bins.size
    upto, sum_upto = (jnp.pad(jnp.cumsum(x), (1, 0)) for x in (count, count * values))
    share = upto[None, 1:] - upto[:256, None]
    explained = (sum_upto[None, 1:] - sum_upto[:256, None]) ** 2 / jnp.maximum(share, 1e-9)
    explained = jnp.where(values[None] >= values[:, None], explained, -jnp.inf)

    def add_class(best: jax.Array, __: None) -> tuple[jax.Array, jax.Array]:
        before = jnp.pad(best, (1, 0), constant_values=-jnp.inf)[:256]
        total = before[:, None] + explained
        return total.max(0), total.argmax(0)

    first = jax.lax.scan(add_class, explained[0], length=LEVELS - 1)[1]

    def cut(state: tuple[jax.Array, jax.Array], step: tuple[jax.Array, jax.Array]) -> tuple:
        last, edges = state
        used, begins = step
        begin = begins[last]
        edges = jnp.where(used, edges.at[begin].set(1), edges)
        return (jnp.where(used, jnp.maximum(begin - 1, 0), last), edges), None

    used = jnp.arange(1, LEVELS) < levels
    start = (jnp.int32(255), jnp.zeros(256, jnp.int32))
    edges = jax.lax.scan(cut, start, (used, first), reverse=True)[0][1]
    member = jnp.cumsum(edges)
    weight, total = (
        jax.ops.segment_sum(x, member, num_segments=LEVELS) for x in (count, count * values)
    )
    return (total / jnp.maximum(weight, 1e-9))[member][bins] / 255


COLOURS = 64  # at most, in `quantize_colours`


def quantize_colours(image: jax.Array, colours: jax.Array, _: None) -> jax.Array:
    """Pixels in `colours` colours found by k-means, dithered by Floyd and Steinberg's diffusion.

    Row r is two pixels behind row r - 1, so that all rows are processed at once: at step t row r is
    at column t - 2 r, and receives the errors of the last three steps.
    """
    colour_list = _palette(image, colours)
    height, width = image.shape[:2]
    rows = np.arange(height)
    columns = np.arange(width + 2 * (height - 1))[:, None] - 2 * rows[None]
    pixels = image[rows[None], np.clip(columns, 0, width - 1)]
    inside = ((columns >= 0) & (columns < width))[..., None]

    def walk(errors: tuple, step: tuple) -> tuple:
        pixel, within = step
        last, second, third = errors
        above = 3 * last + 5 * second + third
        wanted = jnp.clip(pixel + (7 * last + jnp.roll(above, 1, 0).at[0].set(0)) / 16, 0, 1)
        chosen = colour_list[_nearest(wanted, colour_list)]
        return (jnp.where(within, wanted - chosen, 0), last, second), chosen

    nothing = jnp.zeros((height, 3))
    chosen = jax.lax.scan(walk, (nothing,) * 3, (pixels, inside))[1]
    return chosen[np.arange(width)[None] + 2 * rows[:, None], rows[:, None]]


def _palette(image: jax.Array, colours: jax.Array) -> jax.Array:
    """Palette [COLOURS, 3]; entries beyond `colours` are too far away to be the nearest."""
    stride = max(1, round((image.shape[0] * image.shape[1] / 4096) ** 0.5))
    pixels = image[::stride, ::stride].reshape(-1, 3)
    ranked = pixels[jnp.argsort(pixels.sum(-1))]
    number = jnp.arange(COLOURS)
    start = ranked[((number + 0.5) / colours * len(ranked)).astype(jnp.int32) % len(ranked)]
    unused = (number >= colours)[:, None]

    def refine(_: int, centres: jax.Array) -> jax.Array:
        member = jax.nn.one_hot(_nearest(pixels, centres), COLOURS)
        count = member.sum(0)[:, None]
        return jnp.where(count > 0, member.T @ pixels / jnp.maximum(count, 1), centres)

    return jax.lax.fori_loop(0, 16, refine, jnp.where(unused, 1e3, start))


def _nearest(pixels: jax.Array, colour_list: jax.Array) -> jax.Array:
    """Index of the nearest colour: pixels [n, 3], colours [m, 3] -> [n]."""
    return jnp.sum((pixels[:, None] - colour_list[None]) ** 2, -1).argmin(-1)
