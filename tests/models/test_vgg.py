"""VGG-16 and AlexNet: shapes, parameters, pooling; their maps are held to PyTorch's by LPIPS."""

import fresh
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jiqa.errors import InputError
from jiqa.models import alexnet, vgg

TINY = vgg.VGG(width=2, dense=6, classes=5)
# Parameters of torchvision's `features`.
COUNTS = {vgg.VGG: 14_714_688, alexnet.AlexNet: 2_469_696}


@pytest.mark.parametrize(("network", "count"), COUNTS.items())
def test_parameter_counts_are_torchvisions(network, count):
    shapes = jax.eval_shape(network().init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes["params"])) == count


def test_the_whole_vgg_has_as_many_parameters_as_torchvisions():
    whole = vgg.VGG(dense=4096, classes=1000)
    shapes = jax.eval_shape(whole.init, jax.random.key(0), jnp.zeros((1, 224, 224, 3)))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == 138_357_544
    assert shapes["params"]["fc6"]["kernel"].shape == (25_088, 4096)


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


@pytest.fixture(scope="module")
def tiny():
    """Variables, and two images of 64x32 with what the tiny whole network says of them."""
    image = np.random.default_rng(0).uniform(size=(2, 64, 32, 3)).astype(np.float32)
    variables = fresh.variables(TINY, image)
    return variables, image, jax.jit(TINY.apply)(variables, image)


def test_the_dense_layers_are_those_worked_out_in_numpy(tiny):
    variables, _, (features, out) = tiny
    params = variables["params"]
    out = {name: np.asarray(x, np.float64) for name, x in out.items()}
    last = out["conv5_3"]
    np.testing.assert_allclose(features, last.mean((1, 2)), rtol=1e-5)
    x = np.stack([m.reshape(2, 2, 1, 2, 16).max((1, 3)).reshape(-1) for m in last])
    for name in ("fc6", "fc7"):
        x = np.maximum(x @ params[name]["kernel"] + params[name]["bias"], 0)
        np.testing.assert_allclose(out[name], x, rtol=1e-5, atol=1e-6)
    logits = x @ params["fc8"]["kernel"] + params["fc8"]["bias"]
    np.testing.assert_allclose(out["logits"], logits, rtol=1e-5, atol=1e-6)
    assert (out["fc7"] > 0).any()


def test_dropout_is_of_the_training_alone(tiny):
    _, image, _ = tiny
    wide = vgg.VGG(width=2, dense=64, dropout=0.9)
    variables = fresh.variables(wide, image)

    @jax.jit
    def fc7(key):
        return wide.apply(variables, image, train=True, rngs={"dropout": key})[1]["fc7"]

    first, same, other = (fc7(jax.random.key(i)) for i in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)


def test_another_size_than_fc6_was_made_for_is_refused(tiny):
    variables, image, _ = tiny
    with pytest.raises(InputError, match=r"leave a map of 1x1x16, expected fc6's 32 values"):
        jax.eval_shape(TINY.apply, variables, image[:, :32])
    with pytest.raises(InputError, match=r"found shape \[2, 64, 31, 3\].* 32 pixels or more"):
        jax.eval_shape(TINY.apply, variables, image[:, :, :31])
    with pytest.raises(InputError, match="classes: found 5 with dense 0"):
        jax.eval_shape(vgg.VGG(classes=5).init, jax.random.key(0), image)


def test_what_attends_is_seen_by_the_layers_after_it(tiny):
    variables, image, (_, plain) = tiny

    @jax.jit
    def attended(image):
        return TINY.apply(variables, image, attend={"conv5_2": lambda x: 3 * x})

    features, out = attended(image)
    np.testing.assert_allclose(out["conv5_2"], plain["conv5_2"], rtol=1e-5)
    kernel, bias = (np.asarray(variables["params"]["conv5_3"][x]) for x in ("kernel", "bias"))
    x = np.pad(3 * plain["conv5_2"], ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = [x[:, i : i + 4, j : j + 2] @ kernel[i, j] for i in range(3) for j in range(3)]
    expected = np.maximum(sum(taps) + bias, 0)
    np.testing.assert_allclose(out["conv5_3"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(features, out["conv5_3"].mean((1, 2)), rtol=1e-4)
