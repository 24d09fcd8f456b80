"""DT-GAN: table II layer by layer, the discriminator's 70 pixels, sizes, precision, phi."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jiqa import models
from jiqa.errors import InputError
from jiqa.models.dt_gan import DTGAN, Discriminator, Generator

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(size=(2, 28, 36, 3)).astype(np.float32)

# Table II: layer -> (shape of its output at 256x256, values of its kernels).
GENERATOR = {
    "sc1": ((256, 256, 64), 7 * 7 * 3 * 64),
    "sc2": ((128, 128, 128), 3 * 3 * 64 * 128),
    "sc3": ((64, 64, 256), 3 * 3 * 128 * 256),
    "rb1": ((64, 64, 256), 2 * 3 * 3 * 256 * 256),
    "rb2": ((64, 64, 256), 2 * 3 * 3 * 256 * 256),
    "rb3": ((64, 64, 256), 2 * 3 * 3 * 256 * 256),
    "rc1": ((128, 128, 128), 3 * 3 * 256 * 128),
    "rc2": ((256, 256, 64), 3 * 3 * 128 * 64),
    "sc4": ((256, 256, 3), 7 * 7 * 64 * 3 + 3),
}
DISCRIMINATOR = {
    "sc_m1": ((128, 128, 64), 4 * 4 * 3 * 64 + 64),
    "sc_m2": ((64, 64, 128), 4 * 4 * 64 * 128),
    "sc_m3": ((32, 32, 256), 4 * 4 * 128 * 256),
    "sc_m4": ((31, 31, 512), 4 * 4 * 256 * 512),
    "sc_m5": ((30, 30, 1), 4 * 4 * 512 + 1),
}


def sizes(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def shapes(model, side=256):
    """Shape of each layer's output, and number of its parameters, nothing being computed."""

    def run(key, image):
        variables = model.init(key, image)
        output, kept = model.apply(variables, image, capture_intermediates=True)
        return output, variables["params"], kept["intermediates"]

    image = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
    output, params, kept = jax.eval_shape(run, jax.random.key(0), image)
    found = {
        name: (kept[name]["__call__"][0].shape[1:], sizes(each)) for name, each in params.items()
    }
    return output.shape, found


def test_the_generator_is_table_ii():
    output, found = shapes(Generator())
    assert found == GENERATOR
    assert output == (1, 256, 256, 3)
    two = {name: row for name, row in GENERATOR.items() if name != "rb3"}
    assert shapes(Generator(blocks=2))[1] == two


def test_a_residual_generator_adds_its_tanh_to_the_image():
    model = Generator(width=4, blocks=1, residual=True)
    variables = model.init(jax.random.key(0), IMAGE)
    np.testing.assert_allclose(model.apply(variables, IMAGE), IMAGE, atol=1e-6)
    bias = np.float32([0.5, -0.5, 3.0])
    variables["params"]["sc4"]["bias"] = jnp.asarray(bias)
    expected = np.clip(IMAGE + np.tanh(bias) / 2, 0, 1)
    np.testing.assert_allclose(model.apply(variables, IMAGE), expected, atol=1e-6)


def test_the_discriminator_is_table_ii():
    output, found = shapes(Discriminator())
    assert found == DISCRIMINATOR
    assert output == (1, 30, 30)


def test_learned_scales_and_biases_are_two_values_a_channel():
    channels = 64 + 128 + 256 + 6 * 256 + 128 + 64
    plain, affine = (
        sum(count for _, count in shapes(Generator(affine=affine), 32)[1].values())
        for affine in (False, True)
    )
    assert affine - plain == 2 * channels


def test_a_logit_sees_70_by_70_pixels(monkeypatch):
    # Instance normalisation sees the whole map: the convolutions alone have a receptive field.
    monkeypatch.setattr(nn.InstanceNorm, "__call__", lambda self, x: x)
    model, image = Discriminator(width=1), RNG.uniform(size=(1, 96, 96, 3)).astype(np.float32)
    positive = jax.tree.map(np.abs, drawn(model, image))
    seen = jax.jit(jax.grad(lambda image: model.apply(positive, image)[0, 4, 4]))(image)
    lines, columns = np.nonzero(np.asarray(seen)[0].any(-1))
    # One end is beyond the border of a map of 10x10 logits for all but the middle ones.
    assert np.ptp(lines) + 1 == 70
    assert np.ptp(columns) + 1 == 70


def drawn(model, image):
    """Random parameters, for which no initialisation need be compiled."""
    rng = np.random.default_rng(1)
    made = jax.eval_shape(model.init, jax.random.key(0), image)
    return jax.tree.map(lambda leaf: rng.normal(0, 0.5, leaf.shape).astype(np.float32), made)


@functools.cache
def small():
    """A tiny DT-GAN, its random parameters, and a compiled method by name."""
    model = DTGAN(width=2, blocks=1, affine=True)
    return model, drawn(model, IMAGE), jax.jit(model.apply, static_argnames="method")


def kept(method, image):
    """What the layers of the small one gave on the way."""
    model, variables, _ = small()
    apply = jax.jit(functools.partial(model.apply, method=method, capture_intermediates=True))
    return apply(variables, image)[1]["intermediates"]


def test_instance_norm_is_that_of_each_image_and_channel():
    _, variables, _ = small()
    layer = kept("judge_distorted", IMAGE)["d_discriminator"]["sc_m3"]
    x = np.asarray(layer["conv"]["__call__"][0], np.float64)
    norm = variables["params"]["d_discriminator"]["sc_m3"]["norm"]
    assert np.ptp(norm["scale"]) > 0
    centred = x - x.mean((1, 2), keepdims=True)
    expected = centred / np.sqrt((centred**2).mean((1, 2), keepdims=True) + 1e-5)
    expected = expected * np.asarray(norm["scale"]) + np.asarray(norm["bias"])
    np.testing.assert_allclose(layer["norm"]["__call__"][0], expected, rtol=1e-4, atol=1e-4)


def test_images_of_any_size_stay_in_range_and_are_their_mirrored_selves():
    _, variables, apply = small()
    odd = IMAGE[:, :25, :33]
    mirrored = np.pad(odd, ((0, 0), (0, 3), (0, 3), (0, 0)), mode="symmetric")
    whole = apply(variables, mirrored, method="distort")
    found = apply(variables, odd, method="distort")
    assert found.shape == odd.shape
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, whole[:, :25, :33], atol=1e-5)
    assert 0 <= found.min() < found.max() <= 1
    assert found.std() > 0.05


def test_a_generator_reads_images_of_0_to_1():
    # With all kernels 0 but the last one's bias, what comes out is (tanh(bias) + 1) / 2.
    _, variables, apply = small()
    zero = jax.tree.map(jnp.zeros_like, variables)
    zero["params"]["h_generator"]["sc4"]["bias"] = jnp.float32([-1.0, 0.0, 0.5])
    found = apply(zero, IMAGE, method="recover")
    expected = np.broadcast_to((np.tanh([-1.0, 0.0, 0.5]) + 1) / 2, found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # Mid-grey is 0 inside: no kernel without a bias makes anything of it.
    grey = jnp.full(IMAGE.shape, 0.5)
    first = kept("distort", grey)["d_generator"]["sc1"]["conv"]["__call__"][0]
    np.testing.assert_array_equal(first, 0)


def test_images_are_translated_and_judged_alone():
    _, variables, apply = small()
    for method in ("distort", "recover", "judge_distorted", "judge_pristine"):
        together = apply(variables, IMAGE, method=method)
        alone = apply(variables, IMAGE[1:], method=method)
        np.testing.assert_allclose(together[1:], alone, atol=1e-5)


def test_bfloat16_is_of_the_maps_and_float32_of_what_comes_out():
    _, variables, apply = small()
    model = models.build("dt_gan", width=2, blocks=1, affine=True, dtype="bfloat16")
    for method in ("distort", "judge_pristine"):
        narrow = jax.jit(functools.partial(model.apply, method=method))(variables, IMAGE)
        wide = apply(variables, IMAGE, method=method)
        assert narrow.dtype == np.float32
        scale = np.abs(wide).max()
        assert 1e-5 < np.abs(narrow - wide).max() / scale < 0.2


def test_all_parts_are_initialised_at_once_and_phi_is_one_where_asked_for():
    inner = {"name": "vgg", "preprocess": "caffe"}
    plain, whole = (
        models.build("dt_gan", width=2, backbone=backbone) for backbone in (None, inner)
    )
    image = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    made = jax.eval_shape(plain.init, jax.random.key(0), image)["params"]
    parts = {"d_generator", "h_generator", "d_discriminator", "h_discriminator"}
    assert set(made) == parts
    made = jax.eval_shape(whole.init, jax.random.key(0), image)["params"]
    assert set(made) == {*parts, "backbone"}
    with pytest.raises(InputError, match=r"dt_gan.backbone: found none"):
        plain.apply({}, IMAGE, method="semantics")


class Corner(nn.Module):
    """In the place of phi: what it was given, and a map of it."""

    def __call__(self, image, train=False):
        out = {"fc7": image[:, 0, 0], "conv5_3": image, "side": jnp.float32(image.shape[1:3])}
        return image.mean((1, 2)), out


def test_phi_sees_the_resized_image_and_its_maps_are_pooled():
    def seen(semantic, side=14):
        model = DTGAN(backbone=Corner(), semantic=semantic, semantic_size=side)
        return model.apply({}, IMAGE[:, :28, :28], method="semantics")

    np.testing.assert_array_equal(seen("side"), [14, 14])
    np.testing.assert_allclose(seen("conv5_3", 28), IMAGE[:, :28, :28].mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(seen("fc7", 28), IMAGE[:, 0, 0], rtol=1e-5)
    with pytest.raises(InputError, match=r"semantic: found 'fc9', expected one of fc7, conv5_3"):
        seen("fc9")


@pytest.mark.parametrize(
    ("method", "shape", "least"),
    [("distort", (1, 7, 32, 3), 8), ("judge_pristine", (1, 32, 23, 3), 24)],
)
def test_what_is_no_image_is_refused(method, shape, least):
    _, variables, _ = small()
    for bad in (shape, (1, 32, 32, 1), (32, 32, 3)):
        with pytest.raises(InputError, match=rf"image: found shape .*, expected .* {least} pixels"):
            DTGAN(width=2).apply(variables, jnp.zeros(bad), method=method)
