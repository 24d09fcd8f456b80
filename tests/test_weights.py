import jax
import numpy as np
import pytest
from PIL import Image

from jiqa import weights
from jiqa.models.resnet import ResNet


def centre(image):
    """Short side to 256 (Pillow, bilinear), the middle 224x224, [1, 224, 224, 3] uint8."""
    image = Image.fromarray(image)
    scale = 256 / min(image.size)
    image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BILINEAR)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    return np.asarray(image.crop((left, top, left + 224, top + 224)))[None]


def test_known_photographs_get_the_known_probabilities(shared):
    """Published with the weights: chelsea is a cat (285, 282, 281), coffee an espresso (967)."""
    data = pytest.importorskip("skimage.data")
    imported = weights.load(shared / "weights" / "resnet50_keras_v1.npz", classes=True)
    variables = {"params": imported.params, "batch_stats": imported.batch_stats}
    forward = jax.jit(ResNet(**imported.options).apply)

    def probabilities(image):
        return jax.nn.softmax(forward(variables, centre(image))[1]["logits"][0])

    chelsea = probabilities(data.chelsea())
    np.testing.assert_allclose(chelsea[np.array([285, 282, 281])], [0.754, 0.149, 0.094], atol=5e-3)
    np.testing.assert_allclose(probabilities(data.coffee())[967], 0.993, atol=5e-3)
