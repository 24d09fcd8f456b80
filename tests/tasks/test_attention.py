"""Pictures of a network's attention."""

import numpy as np
import pytest
from flax import linen as nn
from PIL import Image

from jiqa.errors import InputError
from jiqa.results import plots
from jiqa.tasks import attention


class Attentive(nn.Module):
    """A network with two maps; the brighter colour channel has the larger weight."""

    attention: bool = True

    def __call__(self, image, train=False):
        x = image[..., :2] / 255
        return x.mean((1, 2, 3)), {"map": x, "weights": x.mean((1, 2))} if self.attention else {}


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 200, (2, 12, 16, 3), np.uint8)
    pixels[0, :, :, 1] += 50
    return {"a.png": pixels[0], "b.png": pixels[1, :8]}


def test_each_image_is_drawn_with_its_own_maps_and_weights(images, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    drawn = {}
    draw = plots.feature_maps

    def keep(pictures, path, title, n):
        drawn.update(pictures)
        draw(pictures, path, title, n)

    monkeypatch.setattr(plots, "feature_maps", keep)
    attention.draw(Attentive(), {}, images, tmp_path / "maps.png", "tiny", n=1)
    with Image.open(tmp_path / "maps.png") as picture:
        assert picture.format == "PNG"
    assert list(drawn) == list(images)
    for name, (image, maps, weights) in drawn.items():
        np.testing.assert_array_equal(image, images[name])
        expected = np.float64(images[name][..., :2]) / 255
        np.testing.assert_allclose(maps, expected, rtol=1e-5)
        np.testing.assert_allclose(weights, expected.mean((0, 1)), rtol=1e-5)


def test_a_model_without_attention_is_refused(images, tmp_path):
    model = Attentive(attention=False)
    with pytest.raises(InputError, match="model: found no attention"):
        attention.draw(model, {}, images, tmp_path / "maps.png", "tiny")
