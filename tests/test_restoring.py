"""A photograph restored in tiles is the photograph restored whole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jiqa import restoring
from jiqa.models.unet import SHRINK, UNet


@pytest.mark.parametrize("length", [16, 512, 528, 832, 848, 4000])
def test_tiles_cover_an_axis_once_and_keep_their_margins(length):
    cuts = restoring._cuts(length)
    covered = np.concatenate([np.arange(first, end) for _, first, end in cuts])
    np.testing.assert_array_equal(covered, np.arange(length))
    for start, first, end in cuts:
        assert start % SHRINK == 0
        assert start + restoring.TILE <= max(length, restoring.TILE)
        assert first == 0 or first - start >= restoring.MARGIN
        assert end == length or start + restoring.TILE - end >= restoring.MARGIN


def test_tiles_give_what_the_whole_gives(monkeypatch):
    monkeypatch.setattr(restoring, "TILE", 256)
    model = UNet(width=2)
    image = np.random.default_rng(0).integers(0, 256, (333, 400, 3), np.uint8)
    whole = np.pad(image, ((0, 3), (0, 0), (0, 0)), mode="symmetric")[None] / np.float32(255)
    variables = model.init(jax.random.key(0), jnp.asarray(whole[:, :16, :16]))
    apply = jax.jit(lambda x: restoring._both(*model.apply(variables, x)))
    restored, map = restoring.in_tiles(apply, image)
    expected = apply(whole)[0, :333]
    assert restored.shape == (333, 400, 3)
    assert map.std() > 1e-3
    np.testing.assert_allclose(restored, expected[..., :3], atol=1e-5)
    np.testing.assert_allclose(map, expected[..., 3], atol=1e-5)
