"""BRISQUE: a support vector regression on the statistics of normalised coefficients.

Mittal, Moorthy, Bovik, No-reference image quality assessment in the spatial domain, IEEE TIP
21(12), 2012. Table I: 18 features at each of two scales. About 0 (best) to 100, not clipped.

Deviations and choices: as in the authors' MATLAB release: grey is rounded as uint8 images are; the
window sees zeros beyond the border; neighbours wrap around; imresize halves the image. The release
says `filter2(window, im, 'same')`; Python's libraries replicate or reflect the border.
"""

import jax
import jax.numpy as jnp

from jiqa.metrics.nr import files, svr
from jiqa.metrics.nr.svr import Svr
from jiqa.ops import distributions
from jiqa.ops.colour import luma
from jiqa.ops.masks import shrunk, within, wrapped

FEATURES = 36
LEAST = 16
_SHIFTS = ((0, 1), (1, 0), (1, 1), (-1, 1))


def brisque(image: jax.Array, *, params: Svr, size: jax.Array | None = None) -> jax.Array:
    """Scores [b] of images [b, h, w, 3] in [0, 1]; see the module; `size`: `jiqa.ops.masks`."""
    return params.predict(features(image, size))


def features(image: jax.Array, size: jax.Array | None = None) -> jax.Array:
    """Features [b, 36], in the order of the authors' code."""
    x = luma(image, rounded=True)
    half = distributions.halve(x, size)
    return jnp.concatenate([_scale(x, size), _scale(half, shrunk(size))], -1)


def _scale(x: jax.Array, size: jax.Array | None) -> jax.Array:
    """Features of grey at one scale, [b, h, w] -> [b, 18]."""
    x, _ = distributions.mscn(within(x, size), padding="zero")
    x = within(x, size)
    count = None if size is None else size.prod(1).astype(x.dtype)
    out = [*distributions.ggd(x, (1, 2), count)]
    _, height, width = x.shape
    around = wrapped(x, size)
    for down, right in _SHIFTS:
        neighbour = around[:, 1 - down : 1 - down + height, 1 - right : 1 - right + width]
        fit = distributions.aggd(x * neighbour, (1, 2), count)
        out += [fit.shape, fit.mean, fit.left**2, fit.right**2]
    return jnp.stack(out, -1)


def load(given: files.Files | None = None) -> Svr:
    """The regression, from one or two files or, where `given` is None, from the package.

    The authors' model is libsvm's `allmodel`, whose `allrange` lies in the same folder. A libsvm
    model of any other name comes with its ranges, as two files: [MODEL, RANGES] or "MODEL,RANGES".
    See `svr.load`.

    Raises:
        InputError: a missing file, no regression on 36 features, or a libsvm model without its
            ranges.
    """
    model, *rest = files.several(given, "brisque.npz", 2)
    return svr.load(model, FEATURES, rest[0] if rest else None)
