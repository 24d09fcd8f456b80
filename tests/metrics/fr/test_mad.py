import jax
import jax.numpy as jnp
import numpy as np
import photos
from metrics.fr import naive_mad as naive
from scipy import ndimage

from jiqa.metrics.fr import mad
from jiqa.ops.colour import luma


def test_stages_are_those_of_loops():
    y, x = (m[:64, :57, 1].astype(float) for m in photos.recipe("chelsea/noise"))
    pair = [jnp.asarray(m[None], jnp.float32) for m in (x, y)]
    np.testing.assert_allclose(jax.jit(mad.detection)(*pair), [naive.detection(x, y)], rtol=1e-5)
    np.testing.assert_allclose(jax.jit(mad.appearance)(*pair), [naive.appearance(x, y)], rtol=1e-5)


def test_appearance_of_one_image_compiles_right_at_real_size():
    """Sums of products with the same weights compiled wrongly: docs/xla-cpu-sums.md."""
    rng = np.random.default_rng(0)
    x = ndimage.gaussian_filter(rng.uniform(0, 255, (301, 403)), 1)
    pair = [jnp.asarray(m[None], jnp.float32) for m in (x, x + rng.normal(0, 5, x.shape))]
    expected = naive.appearance(*(np.float64(m[0]) for m in pair))
    np.testing.assert_allclose(jax.jit(mad.appearance)(*pair), [expected], rtol=1e-4)


def test_stages_are_blended_by_how_much_is_detected(monkeypatch):
    monkeypatch.setattr(mad, "detection", lambda x, y: x.mean((1, 2)))
    monkeypatch.setattr(mad, "appearance", lambda x, y: y.mean((1, 2)))
    ref, image = (jnp.full((1, 34, 34, 3), v) for v in (0.8, 0.2))
    high, low = luma(ref)[0, 0, 0], luma(image)[0, 0, 0]
    alpha = 1 / (1 + 0.467 * high**0.130)  # the paper's three digits
    expected = high**alpha * low ** (1 - alpha)
    np.testing.assert_allclose(mad.mad(image, ref), [expected], rtol=2e-3)


def test_dark_blocks_hide_the_error():
    rng = np.random.default_rng(0)
    x, noise = np.full((1, 64, 64), 20.0), rng.uniform(-15, 15, (1, 64, 64))
    seen = [jax.jit(mad.detection)(jnp.asarray(m), jnp.asarray(m + noise)) for m in (x, x + 100)]
    assert seen[0] == 0  # 20 is a lightness of 0.26, below 0.5
    assert seen[1] > 0
