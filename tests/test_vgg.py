"""VGG-16 and AlexNet: shapes, parameters, pooling; their scores are held to PyTorch's by LPIPS."""

import jax
import jax.numpy as jnp
import pytest

from jiqa.errors import InputError
from jiqa.models import alexnet, vgg

# Parameters of torchvision's `features`.
COUNTS = {vgg.VGG: 14_714_688, alexnet.AlexNet: 2_469_696}


@pytest.mark.parametrize(("network", "count"), COUNTS.items())
def test_parameter_counts_are_torchvisions(network, count):
    shapes = jax.eval_shape(network().init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes["params"])) == count


@pytest.mark.parametrize(
    ("network", "size", "maps"),
    [
        (vgg.VGG, (224, 224), {"conv1_2": (224, 224, 64), "conv5_3": (14, 14, 512)}),
        (
            vgg.VGG,
            (16, 35),
            {"conv2_1": (8, 17, 128), "conv3_3": (4, 8, 256), "conv5_1": (1, 2, 512)},
        ),
        (alexnet.AlexNet, (224, 224), {"conv1": (55, 55, 64), "conv5": (13, 13, 256)}),
        (
            alexnet.AlexNet,
            (31, 63),
            {"conv1": (7, 15, 64), "conv2": (3, 7, 192), "conv3": (1, 3, 384)},
        ),
    ],
)
def test_shapes_of_the_maps(network, size, maps):
    image = jnp.zeros((2, *size, 3))
    (features, out), _ = jax.eval_shape(network().init_with_output, jax.random.key(0), image)
    assert features.shape == (2, 512 if network is vgg.VGG else 256)
    assert len(out) == (13 if network is vgg.VGG else 5)
    for name, shape in maps.items():
        assert out[name].shape == (2, *shape)


@pytest.mark.parametrize(("network", "least"), [(vgg.VGG, 16), (alexnet.AlexNet, 31)])
def test_too_small_an_image_is_refused(network, least):
    for shape in ((1, 64, least - 1, 3), (64, 64, 3)):
        with pytest.raises(InputError, match=rf"image: found shape .* of {least} pixels or more"):
            jax.eval_shape(network().init, jax.random.key(0), jnp.zeros(shape))
