"""A photograph restored in tiles is the photograph restored whole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jiqa import restoration
from jiqa.models.unet import SHRINK, UNet


@pytest.mark.parametrize("length", [16, 512, 528, 832, 848, 4000])
def test_tiles_cover_an_axis_once_and_keep_their_margins(length):
    cuts = restoration._cuts(length)
    covered = np.concatenate([np.arange(first, end) for _, first, end in cuts])
    np.testing.assert_array_equal(covered, np.arange(length))
    for start, first, end in cuts:
        assert start % SHRINK == 0
        assert start + restoration.TILE <= max(length, restoration.TILE)
        assert first == 0 or first - start >= restoration.MARGIN
        assert end == length or start + restoration.TILE - end >= restoration.MARGIN


def test_tiles_give_what_the_whole_gives(monkeypatch):
    monkeypatch.setattr(restoration, "TILE", 256)
    model = UNet(width=2, carry=False)
    image = np.random.default_rng(0).integers(0, 256, (333, 400, 3), np.uint8)
    whole = np.pad(image, ((0, 3), (0, 0), (0, 0)), mode="symmetric")[None] / np.float32(255)
    variables = model.init(jax.random.key(0), jnp.asarray(whole[:, :16, :16]))
    restored, map = restoration.restorer(model, variables)(image)
    expected, out = jax.jit(model.apply)(variables, whole)
    assert restored.shape == (333, 400, 3)
    assert map.std() > 1e-3
    np.testing.assert_allclose(restored, np.clip(expected, 0, 1)[0, :333], atol=1e-5)
    np.testing.assert_allclose(map, out["ssim_map"][0, :333], atol=1e-5)


def test_nothing_reaches_a_pixel_from_beyond_the_margin():
    model = UNet(width=1, carry=False)
    image = jnp.full((1, 16, 416, 3), 0.5)
    fresh = model.init(jax.random.key(0), image[:, :, :16])
    positive = jax.tree.map(lambda leaf: jnp.full_like(leaf, 0.1), fresh)  # no path is cancelled

    def pixel(image, column):
        return model.apply(positive, image)[0][0, 8, column].sum()

    slopes = jax.jit(jax.grad(pixel))
    for column in range(200, 216):  # wherever it lies in the grid of strides
        slope = slopes(image, column)
        reached = np.flatnonzero(np.abs(slope).sum((0, 1, 3)))
        assert 32 < np.abs(reached - column).max() <= restoration.MARGIN
